//! Builds after the first, whose buildpack keeps its layers.
use super::{BySide, add, add_runs, our_walls};
use crate::bench::{
    Bench, bars,
    corpus::Corpus,
    limits,
    measure::{Program, Run},
    report::{Report, Unit},
    stage::Stage,
    stats::Samples,
};
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

const PHASES: [&str; 5] = ["analyzer", "detector", "restorer", "builder", "exporter"];

/// What happens between builder and exporter.
#[derive(Debug, Clone, Copy)]
enum Change {
    Nothing,
    /// Every file is replaced by a copy.
    Copies,
    /// One line of the app is another.
    Line,
    /// One layer has more in it.
    Layer,
}

/// Runs of all phases of one variant, by phase and side.
type ByPhase = BTreeMap<&'static str, BySide>;

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
    let mut variants = vec![
        ("no-change", Change::Nothing),
        ("untrusted", Change::Copies),
        ("one-line", Change::Line),
    ];
    if name == "d" {
        variants.push(("one-layer", Change::Layer));
    }
    let archives = archives(bench, &stages[0])?;
    for (variant, change) in variants {
        let place = (variant, name);
        let mut phases = ByPhase::new();
        let mut yardsticks = Yardsticks::default();
        for round in 0..bench.runs() {
            for (at, stage) in stages.iter().enumerate() {
                rebuild(bench, stage, change, round)?
                    .into_iter()
                    .for_each(|(phase, run)| {
                        let sides = phases
                            .entry(phase)
                            .or_insert_with(|| vec![Vec::new(); stages.len()]);
                        sides[at].push(run);
                    });
            }
            yardsticks.take(bench, change, &stages[0], &archives)?;
        }
        rows(report, place, &phases);
        judge(report, place, &phases, yardsticks);
        if matches!(change, Change::Nothing) {
            requests(
                bench,
                report,
                place,
                &mut stages,
                &our_walls(&phases["exporter"]),
            )?;
        }
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
        for (at, stage) in stages.iter().enumerate() {
            for (phase, run) in rebuild(bench, stage, Change::Nothing, round)? {
                let sides = phases
                    .entry(phase)
                    .or_insert_with(|| vec![Vec::new(); stages.len()]);
                sides[at].push(run);
            }
        }
    }
    rows(report, ("cache-image", name), &phases);
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
fn rebuild(
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

/// Times of tools for the same work.
#[derive(Debug, Default)]
struct Yardsticks {
    find: Samples,
    hash: Samples,
    tar: Samples,
    bsdtar: Samples,
}

impl Yardsticks {
    fn take(
        &mut self,
        bench: &Bench,
        change: Change,
        stage: &Stage<'_>,
        archives: &Path,
    ) -> Result<()> {
        match change {
            Change::Nothing => {
                let roots: Vec<PathBuf> = vec![stage.path("layers"), stage.path("app")];
                self.find
                    .0
                    .push(limits::find(bench, &bench.dir.join("tools"), &roots)?.wall);
                for (program, times) in [("tar", &mut self.tar), ("bsdtar", &mut self.bsdtar)] {
                    times.0.push(
                        limits::unpack(bench, &bench.dir.join("tools"), program, archives)?.wall,
                    );
                }
            }
            Change::Copies => {
                let layers = bench
                    .helper
                    .limits(bench.user, &bench.dir, &stage.built()?)?;
                self.hash.0.push(limits::hash(&layers, bench.cores));
            }
            Change::Line | Change::Layer => {}
        }
        Ok(())
    }
}

/// The bars against tools and limits; that against `find` waits for the registry's part.
fn judge(report: &mut Report, place: (&str, &str), phases: &ByPhase, yardsticks: Yardsticks) {
    let Yardsticks {
        find,
        hash,
        tar,
        bsdtar,
    } = yardsticks;
    let wall = |phase: &str| our_walls(&phases[phase]);
    if !tar.0.is_empty() {
        let best = if tar.median() < bsdtar.median() {
            tar
        } else {
            bsdtar
        };
        let value = (
            Unit::Seconds,
            wall("restorer"),
            Some(best),
            Some(bars::RESTORE_OVER_TAR),
        );
        add(report, place, "restorer wall / tar -x", value);
        add(
            report,
            place,
            "limit: find -ls",
            (Unit::Seconds, find, None, None),
        );
    }
    if !hash.0.is_empty() {
        let value = (
            Unit::Seconds,
            wall("exporter"),
            Some(hash),
            Some(bars::UNTRUSTED_OVER_HASH),
        );
        add(report, place, "exporter wall / tar and sha256", value);
    }
    if place.0 == "no-change" {
        let temporary = phases["exporter"]
            .first()
            .into_iter()
            .flatten()
            .map(|run| run.temp);
        let value = (
            Unit::Bytes,
            Samples(temporary.collect()),
            None,
            Some(bars::NO_TEMPORARY),
        );
        add(report, place, "exporter temporary disk", value);
    }
}

/// Requests of a rebuild without changes, counted by the proxy, and the bar that needs the registry's own time.
fn requests(
    bench: &Bench,
    report: &mut Report,
    place: (&str, &str),
    stages: &mut [Stage<'_>],
    export: &Samples,
) -> Result<()> {
    let mut counts = Vec::new();
    let mut served = 0.0;
    for stage in stages.iter_mut() {
        stage.through_proxy()?;
        // The image names another registry now, which is a change; only the next build has none.
        rebuild(bench, stage, Change::Nothing, 0)?;
        let Some(warehouse) = &stage.warehouse else {
            continue;
        };
        warehouse.proxy.take();
        stage.renew(&["layers", "tmp"])?;
        stage.before_export()?;
        let before = warehouse.proxy.take();
        stage.export()?;
        let exporter = warehouse.proxy.take();
        if stage.side.is_ours() {
            served = exporter.served.as_secs_f64();
        }
        let list = [before.requests, exporter.requests].concat();
        println!("requests of {}: {}", stage.side.name, list.join(", "));
        #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
        counts.push(Samples::one(list.len() as f64));
        stage.directly()?;
        rebuild(bench, stage, Change::Nothing, 0)?;
    }
    let mut counts = counts.into_iter();
    let (ours, other) = (counts.next().unwrap_or_default(), counts.next());
    add(
        report,
        place,
        "requests",
        (Unit::Count, ours, other, Some(bars::REQUESTS)),
    );
    let tools = bench.dir.join("tools");
    let roots = [stages[0].path("layers"), stages[0].path("app")];
    let mut find = Samples::default();
    for _ in 0..bench.runs() {
        find.0
            .push(limits::find(bench, &tools, &roots)?.wall + served);
    }
    let value = (
        Unit::Seconds,
        export.clone(),
        Some(find),
        Some(bars::TRUSTED_OVER_FIND),
    );
    add(report, place, "exporter wall / find and registry", value);
    add(
        report,
        place,
        "limit: registry",
        (Unit::Seconds, Samples::one(served), None, None),
    );
    Ok(())
}

/// Each layer as an uncompressed archive, for the tools.
fn archives(bench: &Bench, stage: &Stage<'_>) -> Result<PathBuf> {
    let dir = bench.dir.join("archives");
    crate::bench::empty(&dir)?;
    let tools = bench.dir.join("tools");
    crate::bench::empty(&tools)?;
    std::os::unix::fs::chown(&tools, Some(bench.user), Some(bench.user))?;
    let none = BTreeMap::new();
    for (at, layer) in stage.built()?.iter().enumerate() {
        let tar = crate::packages::find("tar").context("there is no tar")?;
        bench.helper.run(&Program {
            path: &tar,
            args: vec![
                "-cf".into(),
                dir.join(format!("{at:02}.tar")).into(),
                "-C".into(),
                layer.parent().unwrap_or(layer).into(),
                layer.file_name().unwrap_or_default().into(),
            ],
            env: &none,
            temp: &tools,
            log: None,
            user: nix::unistd::geteuid().as_raw(),
        })?;
    }
    Ok(dir)
}
