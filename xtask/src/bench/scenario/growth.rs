//! How the first export grows with what it exports.
use super::{BySide, add, add_runs};
use crate::bench::{
    Bench, bars,
    report::{Report, Unit},
    stage::Stage,
    stats::{self, Samples},
};
use anyhow::Result;

/// Once, twice and four times as many files, bytes or layers, to a layout.
pub(super) fn run(bench: &Bench, kind: &str, report: &mut Report) -> Result<()> {
    let sides = if bench.options.quick {
        1
    } else {
        bench.sides.len()
    };
    let mut points = vec![Vec::new(); sides];
    for times in [1_u32, 2, 4] {
        let corpus = bench.corpora.get(&format!("{kind}-{times}"))?;
        let mut stages = Vec::new();
        for side in bench.sides.iter().take(sides) {
            let stage = Stage::new(bench, side, &corpus, true)?;
            stage.before_export()?;
            stages.push(stage);
        }
        let mut runs: BySide = vec![Vec::new(); stages.len()];
        for _ in 0..bench.runs() {
            for (stage, runs) in stages.iter_mut().zip(&mut runs) {
                stage.forget_images()?;
                stage.phase("analyzer", &[&stage.image()])?;
                bench.settle()?;
                runs.push(stage.export()?);
            }
        }
        for (points, runs) in points.iter_mut().zip(&runs) {
            let wall = Samples(runs.iter().map(|run| run.wall).collect());
            points.push((f64::from(times), wall.median()));
        }
        add_runs(report, ("growth", &corpus.name), "exporter", &runs);
    }
    let mut exponents = points
        .iter()
        .map(|points| Samples::one(stats::exponent(points)));
    let (ours, other) = (exponents.next().unwrap_or_default(), exponents.next());
    let value = (Unit::Exponent, ours, other, Some(bars::GROWTH));
    add(report, ("growth", kind), "exponent of wall", value);
    Ok(())
}
