//! What a rebuild without changes asks of a registry.
use super::{
    add,
    rebuild::{Change, rebuild},
};
use crate::bench::{
    Bench, bars,
    report::{Report, Unit},
    stage::Stage,
    stats::Samples,
};
use anyhow::{Context, Result};

/// Counts the requests of a rebuild without changes by the proxy, and gives the seconds that the registry took for
/// those of our exporter.
pub(super) fn requests(
    bench: &Bench,
    report: &mut Report,
    place: (&str, &str),
    stages: &mut [Stage<'_>],
) -> Result<f64> {
    let mut counts = Vec::new();
    let mut served = 0.0;
    for stage in stages.iter_mut() {
        stage.through_proxy()?;
        // The image names another registry now, which is a change; only the next build has none.
        rebuild(bench, stage, Change::Nothing, 0)?;
        let (count, seconds) = count(stage)?;
        counts.push(Samples::one(count));
        if stage.side.is_ours() {
            served = seconds;
        }
    }
    let mut counts = counts.into_iter();
    let (ours, other) = (counts.next().unwrap_or_default(), counts.next());
    let value = (Unit::Count, ours, other, Some(bars::REQUESTS));
    add(report, place, "requests", value);
    Ok(served)
}

/// Requests of one more build, and seconds the registry took for the exporter's.
fn count(stage: &Stage<'_>) -> Result<(f64, f64)> {
    let warehouse = stage.warehouse.as_ref();
    let proxy = &warehouse.context("a layout has no requests")?.proxy;
    stage.renew(&["layers", "tmp"])?;
    proxy.take();
    stage.before_export()?;
    let before = proxy.take();
    stage.export()?;
    let exporter = proxy.take();
    println!(
        "requests of {} before its exporter:\n{}and by it:\n{}",
        stage.side.name,
        before.list(),
        exporter.list()
    );
    let count = before.requests.len() + exporter.requests.len();
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let count = count as f64;
    Ok((count, exporter.served.as_secs_f64()))
}
