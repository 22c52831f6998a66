//! An image onto another base and back.
use super::{BySide, add, add_runs};
use crate::bench::{
    Bench,
    report::{Report, Unit},
    stage::Stage,
    stats::Samples,
};
use anyhow::Result;

/// On one registry.
pub(super) fn run(bench: &Bench, name: &str, report: &mut Report) -> Result<()> {
    let corpus = bench.corpora.get(name)?;
    let mut stages = Vec::new();
    for side in &bench.sides {
        let stage = Stage::new(bench, side, &corpus, false)?;
        stage.before_export()?;
        stage.export()?;
        stages.push(stage);
    }
    let mut runs: BySide = vec![Vec::new(); stages.len()];
    for round in 0..4 * bench.runs() {
        for (stage, runs) in stages.iter().zip(&mut runs) {
            runs.push(rebase(stage, ["two", "one"][round % 2])?);
        }
    }
    add_runs(report, ("rebase", name), "rebaser", &runs);
    let mut counts = Vec::new();
    for stage in &mut stages {
        stage.through_proxy()?;
        stage.before_export()?;
        stage.export()?;
        if let Some(warehouse) = &stage.warehouse {
            warehouse.proxy.take();
            rebase(stage, "two")?;
            let traffic = warehouse.proxy.take();
            println!("requests of {}:\n{}", stage.side.name, traffic.list());
            #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
            counts.push(Samples::one(traffic.requests.len() as f64));
        }
    }
    let mut counts = counts.into_iter();
    let (ours, other) = (counts.next().unwrap_or_default(), counts.next());
    add(
        report,
        ("rebase", name),
        "requests",
        (Unit::Count, ours, other, None),
    );
    Ok(())
}

fn rebase(stage: &Stage<'_>, tag: &str) -> Result<crate::bench::measure::Run> {
    let run_image = format!("-run-image={}", stage.run_image(tag));
    stage.phase("rebaser", &["-force", &run_image, &stage.image()])
}
