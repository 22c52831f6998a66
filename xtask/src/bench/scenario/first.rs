//! The first export of an app, without a cache.
use super::{BySide, add, add_runs, our_walls};
use crate::bench::{
    Bench, bars, limits,
    report::{Report, Unit},
    stage::Stage,
    stats::Samples,
};
use anyhow::Result;

/// File systems count in blocks.
const ROUNDING: f64 = 65536.0;

/// To a layout on disk, with the limits of the machine.
pub(super) fn to_layout(bench: &Bench, corpus: &str, report: &mut Report) -> Result<()> {
    measure(bench, ("first-layout", corpus), true, report)
}

/// To a registry on loopback.
pub(super) fn to_registry(bench: &Bench, corpus: &str, report: &mut Report) -> Result<()> {
    measure(bench, ("first", corpus), false, report)
}

fn measure(bench: &Bench, place: (&str, &str), layout: bool, report: &mut Report) -> Result<()> {
    let corpus = bench.corpora.get(place.1)?;
    let mut stages = Vec::new();
    for side in &bench.sides {
        let stage = Stage::new(bench, side, &corpus, layout)?;
        stage.before_export()?;
        stages.push(stage);
    }
    let mut runs: BySide = vec![Vec::new(); stages.len()];
    let mut limit = Samples::default();
    let mut layers = Vec::new();
    for _ in 0..bench.runs() {
        for (stage, runs) in stages.iter_mut().zip(&mut runs) {
            stage.forget_images()?;
            stage.phase("analyzer", &[&stage.image()])?;
            bench.settle()?;
            runs.push(stage.export()?);
        }
        if let (true, Some(ours)) = (layout, stages.first()) {
            layers = bench
                .helper
                .limits(bench.user, &bench.dir, &ours.contents()?)?;
            limit.0.push(limits::export(&layers, bench.cores));
        }
    }
    add_runs(report, place, "exporter", &runs);
    sizes(report, place, &stages, &runs)?;
    if layout {
        let value = (
            Unit::Seconds,
            our_walls(&runs),
            Some(limit),
            // The others are so small that starting up is what they measure.
            matches!(place.1, "b" | "c" | "d").then_some(bars::FIRST_OVER_LIMIT),
        );
        add(report, place, "exporter wall / limit", value);
        let cpu = runs.first().into_iter().flatten().map(|run| run.cpu);
        let stages = Samples::one(limits::work(&layers));
        let value = (Unit::Seconds, Samples(cpu.collect()), Some(stages), None);
        add(report, place, "exporter CPU / all stages", value);
        stage_rows(report, place, &layers);
    }
    Ok(())
}

/// Sizes of the images, and our temporary disk against the layers in flight: those that the cores compress, and as
/// many on their way.
fn sizes(
    report: &mut Report,
    place: (&str, &str),
    stages: &[Stage<'_>],
    runs: &BySide,
) -> Result<()> {
    let layers: Result<Vec<_>> = stages.iter().map(Stage::layers).collect();
    let layers = layers?;
    let mut sums = layers
        .iter()
        .map(|layers| Samples::one(layers.iter().sum()));
    let (ours, other) = (sums.next().unwrap_or_default(), sums.next());
    let bar = other
        .as_ref()
        .and_then(|_| bars::against_peer(place.0, place.1, "image size"));
    add(report, place, "image size", (Unit::Bytes, ours, other, bar));
    let mut largest = layers.into_iter().next().unwrap_or_default();
    largest.sort_by(|one, other| other.total_cmp(one));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let flying = largest
        .iter()
        .take(2 * cores)
        .map(|layer| layer + ROUNDING)
        .sum();
    let temporary = Samples(
        runs.first()
            .into_iter()
            .flatten()
            .map(|run| run.temp)
            .collect(),
    );
    let value = (
        Unit::Bytes,
        temporary,
        Some(Samples::one(flying)),
        Some(bars::Bar::Ratio(1.0)),
    );
    add(report, place, "temporary disk / in flight", value);
    Ok(())
}

/// What each stage took alone in the last run, for those who want to know where the limit comes from.
fn stage_rows(report: &mut Report, place: (&str, &str), layers: &[crate::bench::measure::Stages]) {
    let mut row = |name: &str, unit, values: Vec<f64>| {
        add(
            report,
            place,
            name,
            (unit, Samples::one(values.iter().sum()), None, None),
        );
    };
    row(
        "limit: read and tar",
        Unit::Seconds,
        layers.iter().map(|layer| layer.tar).collect(),
    );
    row(
        "limit: sha256 of tar",
        Unit::Seconds,
        layers.iter().map(|layer| layer.tar_hash).collect(),
    );
    row(
        "limit: encoder",
        Unit::Seconds,
        layers.iter().map(|layer| layer.encode).collect(),
    );
    row(
        "limit: sha256 of blob",
        Unit::Seconds,
        layers.iter().map(|layer| layer.blob_hash).collect(),
    );
    row(
        "limit: write",
        Unit::Seconds,
        layers.iter().map(|layer| layer.write).collect(),
    );
    row(
        "limit: bytes of tar",
        Unit::Bytes,
        layers.iter().map(|layer| layer.bytes).collect(),
    );
    row(
        "limit: bytes of blob",
        Unit::Bytes,
        layers.iter().map(|layer| layer.blob).collect(),
    );
}
