//! Builds after the first, whose buildpack keeps its layers.
use super::{
    BySide, add, add_runs,
    requests::requests,
    yardsticks::{Yardsticks, archives, judge},
};
use crate::bench::{
    Bench,
    corpus::Corpus,
    measure::Run,
    report::{Report, Unit},
    stage::Stage,
    stats::Samples,
};
use anyhow::{Context, Result};
use std::{collections::BTreeMap, fs, io::Write};

const PHASES: [&str; 5] = ["analyzer", "detector", "restorer", "builder", "exporter"];

/// What happens between builder and exporter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Nothing,
    /// Every file is replaced by a copy.
    Copies,
    /// One line of the app is another.
    Line,
    /// One layer has more in it.
    Layer,
}

/// Runs of all phases of one variant, by phase and side.
pub(super) type ByPhase = BTreeMap<&'static str, BySide>;

/// With a cache directory.
pub(super) fn cache_directory(bench: &Bench, name: &str, report: &mut Report) -> Result<()> {
    let corpus = bench.corpora.get(name)?;
    let mut stages = start(
        bench,
        &corpus,
        (name, "cache-first"),
        report,
        Stage::with_cache,
    )?;
    let mut variants = vec![("untrusted", Change::Copies)];
    // Of these the differences between corpora are small.
    if name == "b" || !bench.options.quick {
        variants.push(("one-line", Change::Line));
    }
    if name == "d" {
        variants.push(("one-layer", Change::Layer));
    }
    // The last, because it ends with builds through the proxy.
    variants.push(("no-change", Change::Nothing));
    let archives = archives(bench, &stages[0])?;
    for (variant, change) in variants {
        let place = (variant, name);
        let mut phases = ByPhase::new();
        let mut yardsticks = Yardsticks::default();
        for round in 0..bench.runs() {
            take_turns(bench, &stages, (change, round), &mut phases)?;
            yardsticks.take(bench, change, &stages[0], &archives)?;
        }
        rows(report, place, &phases);
        let served = match change {
            Change::Nothing => requests(bench, report, place, &mut stages)?,
            _ => 0.0,
        };
        judge(report, place, &phases, (yardsticks, served));
    }
    Ok(())
}

/// With a cache image.
pub(super) fn cache_image(bench: &Bench, name: &str, report: &mut Report) -> Result<()> {
    let corpus = bench.corpora.get(name)?;
    let stages = start(
        bench,
        &corpus,
        (name, "image-first"),
        report,
        Stage::with_cache_image,
    )?;
    let mut phases = ByPhase::new();
    for round in 0..bench.runs() {
        take_turns(bench, &stages, (Change::Nothing, round), &mut phases)?;
    }
    rows(report, ("cache-image", name), &phases);
    Ok(())
}

/// One more build on each side.
fn take_turns(
    bench: &Bench,
    stages: &[Stage<'_>],
    (change, round): (Change, usize),
    phases: &mut ByPhase,
) -> Result<()> {
    for (at, stage) in stages.iter().enumerate() {
        for (phase, run) in rebuild(bench, stage, change, round)? {
            let none = || vec![Vec::new(); stages.len()];
            phases.entry(phase).or_insert_with(none)[at].push(run);
        }
    }
    Ok(())
}

/// A first build on each side, whose export fills image and cache.
fn start<'a>(
    bench: &'a Bench,
    corpus: &Corpus,
    (name, scenario): (&str, &str),
    report: &mut Report,
    cache: impl Fn(&mut Stage<'a>),
) -> Result<Vec<Stage<'a>>> {
    let mut stages = Vec::new();
    let mut runs = BySide::new();
    for side in &bench.sides {
        let mut stage = Stage::new(bench, side, corpus, false)?;
        cache(&mut stage);
        stage.before_export()?;
        bench.settle()?;
        runs.push(vec![stage.export()?]);
        stages.push(stage);
    }
    add_runs(report, (scenario, name), "exporter", &runs);
    Ok(stages)
}

/// All phases of the next build.
pub(super) fn rebuild(
    bench: &Bench,
    stage: &Stage<'_>,
    change: Change,
    round: usize,
) -> Result<Vec<(&'static str, Run)>> {
    stage.renew(&["layers", "tmp"])?;
    bench.settle()?;
    let mut runs = stage.before_export()?;
    match change {
        Change::Nothing => {}
        Change::Copies => ["layers", "app"]
            .iter()
            .try_for_each(|name| stage.copy(name))?,
        Change::Line => fs::write(
            stage.path("app/main.js"),
            format!("version {}\n", round + 1),
        )?,
        Change::Layer => {
            let layers = stage.built()?;
            let path = layers
                .get(layers.len() / 2)
                .context("there are no layers")?
                .join("more");
            let mut file = fs::File::options().create(true).append(true).open(path)?;
            writeln!(file, "change {round}")?;
        }
    }
    bench.settle()?;
    runs.push(("exporter", stage.export()?));
    Ok(runs)
}

/// Every phase alone, and all of them.
fn rows(report: &mut Report, place: (&str, &str), phases: &ByPhase) {
    for phase in PHASES {
        if let Some(runs) = phases.get(phase) {
            add_runs(report, place, phase, runs);
        }
    }
    let sides = phases.values().next().map_or(0, Vec::len);
    let mut sums = (0..sides).map(|side| {
        let rounds = phases
            .values()
            .map(|sides| sides[side].len())
            .min()
            .unwrap_or_default();
        let sum = |round: usize| phases.values().map(|sides| sides[side][round].wall).sum();
        Samples((0..rounds).map(sum).collect())
    });
    let (ours, other) = (sums.next().unwrap_or_default(), sums.next());
    add(
        report,
        place,
        "whole build",
        (Unit::Seconds, ours, other, None),
    );
}
