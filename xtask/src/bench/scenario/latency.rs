//! A registry that is 20 ms away.
use super::{BySide, add, add_runs};
use crate::bench::{
    Bench, bars,
    measure::Run,
    report::{Report, Unit},
    stage::Stage,
    stats::Samples,
};
use anyhow::Result;
use std::time::Duration;

const FAR: Duration = Duration::from_millis(20);

/// First export and rebuild without changes, each request 20 ms late; requests and bytes counted.
pub(super) fn run(bench: &Bench, name: &str, report: &mut Report) -> Result<()> {
    let corpus = bench.corpora.get(name)?;
    let mut stages = Vec::new();
    for side in &bench.sides {
        let mut stage = Stage::new(bench, side, &corpus, false)?;
        stage.with_cache();
        stage.through_proxy()?;
        if let Some(warehouse) = &stage.warehouse {
            warehouse.proxy.set_delay(FAR);
        }
        stages.push(stage);
    }
    let mut first: BySide = vec![Vec::new(); stages.len()];
    let mut again = first.clone();
    let mut traffic = [Counts::default(), Counts::default()];
    for _ in 0..bench.runs() {
        for (at, stage) in stages.iter_mut().enumerate() {
            stage.forget_images()?;
            stage.renew(&["layers", "cache", "tmp"])?;
            first[at].push(build(bench, stage, &mut traffic[0])?);
            stage.renew(&["layers", "tmp"])?;
            again[at].push(build(bench, stage, &mut traffic[1])?);
        }
    }
    let mut traffic = traffic.into_iter();
    for (place, runs) in [
        (("far-first", name), &first),
        (("far-no-change", name), &again),
    ] {
        add_runs(report, place, "exporter", runs);
        traffic.next().unwrap_or_default().rows(report, place);
    }
    Ok(())
}

/// What passed the proxy, by side: requests, and bytes uploaded.
#[derive(Debug, Default)]
struct Counts {
    sides: Vec<(&'static str, Samples, Samples)>,
}

impl Counts {
    fn add(&mut self, side: &'static str, requests: f64, uploaded: f64) {
        let at = self.sides.iter().position(|(name, ..)| *name == side);
        let at = at.unwrap_or_else(|| {
            self.sides
                .push((side, Samples::default(), Samples::default()));
            self.sides.len() - 1
        });
        self.sides[at].1.0.push(requests);
        self.sides[at].2.0.push(uploaded);
    }

    fn rows(self, report: &mut Report, place: (&str, &str)) {
        let mut sides = self.sides.into_iter();
        let (_, requests, uploaded) = sides.next().unwrap_or_default();
        let (others, other_bytes) = sides.next().map(|(_, one, two)| (one, two)).unzip();
        let bar = (place.0 == "far-no-change").then_some(bars::REQUESTS);
        add(
            report,
            place,
            "requests",
            (Unit::Count, requests, others, bar),
        );
        add(
            report,
            place,
            "bytes uploaded",
            (Unit::Bytes, uploaded, other_bytes, None),
        );
    }
}

/// One build; gives what its exporter took.
fn build(bench: &Bench, stage: &Stage<'_>, counts: &mut Counts) -> Result<Run> {
    let Some(warehouse) = &stage.warehouse else {
        anyhow::bail!("a layout has no requests");
    };
    warehouse.proxy.take();
    stage.before_export()?;
    bench.settle()?;
    let run = stage.export()?;
    let traffic = warehouse.proxy.take();
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 bytes")]
    counts.add(
        stage.side.name,
        traffic.requests.len() as f64,
        traffic.uploaded as f64,
    );
    Ok(run)
}
