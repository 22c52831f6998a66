//! Many buildpacks.
use super::{BySide, add_runs};
use crate::bench::{Bench, report::Report, stage::Stage};
use anyhow::Result;

/// One group of fifty buildpacks that all detect.
pub(super) fn run(bench: &Bench, name: &str, report: &mut Report) -> Result<()> {
    let corpus = bench.corpora.get(name)?;
    let names: Vec<String> = (0..50).map(|at| format!("many{at}")).collect();
    let mut stages = Vec::new();
    for side in &bench.sides {
        let stage = Stage::new(bench, side, &corpus, false)?;
        for name in &names {
            stage.write_buildpack(name, "#!/bin/sh\nexit 0\n")?;
        }
        stage.order(&names)?;
        stage.phase("analyzer", &[&stage.image()])?;
        stages.push(stage);
    }
    let mut runs: BySide = vec![Vec::new(); stages.len()];
    for _ in 0..4 * bench.runs() {
        for (stage, runs) in stages.iter().zip(&mut runs) {
            runs.push(stage.phase("detector", &[])?);
        }
    }
    add_runs(report, ("detect", name), "detector", &runs);
    Ok(())
}
