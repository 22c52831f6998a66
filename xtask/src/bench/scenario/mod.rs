//! What is measured.
mod create;
mod detect;
mod first;
mod growth;
mod latency;
mod launcher;
mod rebase;
mod rebuild;
mod requests;
mod yardsticks;

use super::{
    Bench,
    bars::{self, Bar},
    measure::Run,
    report::{Report, Row, Unit},
    stats::Samples,
};
use anyhow::{Context, Result};

type Scenario = fn(&Bench, &str, &mut Report) -> Result<()>;

/// Name, corpora, corpora with `--quick`, and what to do.
const SCENARIOS: &[(&str, &[&str], &[&str], Scenario)] = &[
    (
        "first-layout",
        &["b", "c", "d", "a", "e"],
        &["b", "c", "d"],
        first::to_layout,
    ),
    (
        "first",
        &["b", "c", "d", "a", "e"],
        &["b", "c", "d"],
        first::to_registry,
    ),
    (
        "rebuild",
        &["b", "c", "d", "a", "e"],
        &["b", "c", "d"],
        rebuild::cache_directory,
    ),
    (
        "cache-image",
        &["b", "c", "d"],
        &["b"],
        rebuild::cache_image,
    ),
    ("latency", &["b", "d", "e"], &["b"], latency::run),
    ("create", &["a", "b"], &["a"], create::run),
    ("rebase", &["small"], &["small"], rebase::run),
    ("detect", &["small"], &["small"], detect::run),
    ("launcher", &["small"], &["small"], launcher::run),
    (
        "growth",
        &["files", "bytes", "layers"],
        &["files", "bytes", "layers"],
        growth::run,
    ),
];

/// Runs what was asked for. A scenario that cannot be run ends it.
pub(super) fn run_all(bench: &Bench, report: &mut Report) -> Result<()> {
    for (name, full, quick, scenario) in SCENARIOS {
        let corpora = if bench.options.quick { quick } else { full };
        for corpus in corpora
            .iter()
            .filter(|corpus| bench.options.wants(name, corpus))
        {
            println!("bench: {name} {corpus}");
            scenario(bench, corpus, report)
                .with_context(|| format!("scenario {name} on corpus {corpus}"))?;
        }
    }
    Ok(())
}

/// Runs of one phase, for each side in the order of [`Bench::sides`].
type BySide = Vec<Vec<Run>>;

/// Name, unit, and where it is in a run.
type Figure = (&'static str, Unit, fn(&Run) -> f64);

/// Which figures of a run become rows.
const FIGURES: [Figure; 7] = [
    ("wall", Unit::Seconds, |run| run.wall),
    ("CPU", Unit::Seconds, |run| run.cpu),
    ("CPU of others", Unit::Seconds, |run| run.others),
    ("peak RSS", Unit::Bytes, |run| run.rss),
    ("temporary disk", Unit::Bytes, |run| run.temp),
    ("bytes read", Unit::Bytes, |run| run.read),
    ("bytes written", Unit::Bytes, |run| run.written),
];

/// Adds all figures of a phase; our memory has a bar, and what else [`bars`] knows.
fn add_runs(report: &mut Report, place: (&str, &str), phase: &str, runs: &BySide) {
    for (figure, unit, pick) in FIGURES {
        let figure = format!("{phase} {figure}");
        let mut values = runs
            .iter()
            .map(|runs| Samples(runs.iter().map(pick).collect()));
        let value = values.next().unwrap_or_default();
        let reference = values.next();
        let mut bar = reference
            .as_ref()
            .and_then(|_| bars::against_peer(place.0, place.1, &figure));
        if figure.ends_with("peak RSS") {
            bar = Some(bars::MEMORY);
        }
        add(report, place, &figure, (unit, value, reference, bar));
    }
}

/// Adds one row.
fn add(
    report: &mut Report,
    (scenario, corpus): (&str, &str),
    figure: &str,
    (unit, value, reference, bar): (Unit, Samples, Option<Samples>, Option<Bar>),
) {
    report.add(Row {
        scenario: scenario.to_owned(),
        corpus: corpus.to_owned(),
        figure: figure.to_owned(),
        unit,
        value,
        reference,
        bar,
    });
}

/// Wall times of our runs.
fn our_walls(runs: &BySide) -> Samples {
    Samples(
        runs.first()
            .into_iter()
            .flatten()
            .map(|run| run.wall)
            .collect(),
    )
}
