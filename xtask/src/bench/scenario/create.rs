//! All phases in one process.
use super::{BySide, add_runs};
use crate::bench::{Bench, report::Report, stage::Stage};
use anyhow::Result;

/// A first build and one without changes, buildpack included.
pub(super) fn run(bench: &Bench, name: &str, report: &mut Report) -> Result<()> {
    let corpus = bench.corpora.get(name)?;
    let mut stages = Vec::new();
    for side in &bench.sides {
        let mut stage = Stage::new(bench, side, &corpus, false)?;
        stage.with_cache();
        stages.push(stage);
    }
    let mut first: BySide = vec![Vec::new(); stages.len()];
    let mut again = first.clone();
    for _ in 0..bench.runs() {
        for (at, stage) in stages.iter_mut().enumerate() {
            stage.forget_images()?;
            stage.renew(&["layers", "cache", "tmp"])?;
            bench.settle()?;
            first[at].push(stage.create()?);
            stage.renew(&["layers", "tmp"])?;
            bench.settle()?;
            again[at].push(stage.create()?);
        }
    }
    add_runs(report, ("create-first", name), "creator", &first);
    add_runs(report, ("create-again", name), "creator", &again);
    Ok(())
}
