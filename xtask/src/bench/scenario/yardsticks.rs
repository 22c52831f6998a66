//! Tools that do the same work as a phase of a rebuild, and the bars against them.
use super::{
    add, our_walls,
    rebuild::{ByPhase, Change},
};
use crate::bench::{
    Bench, bars, limits,
    measure::Program,
    report::{Report, Unit},
    stage::Stage,
    stats::Samples,
};
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Times of tools for the same work.
#[derive(Debug, Default)]
pub(super) struct Yardsticks {
    find: Samples,
    hash: Samples,
    tar: Samples,
    bsdtar: Samples,
}

impl Yardsticks {
    pub(super) fn take(
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
                    .limits(bench.user, &bench.dir, &stage.contents()?)?;
                self.hash.0.push(limits::hash(&layers, bench.cores));
            }
            Change::Line | Change::Layer => {}
        }
        Ok(())
    }
}

/// The bars against tools and limits; `served` are the registry's own seconds for the exporter's requests.
pub(super) fn judge(
    report: &mut Report,
    place: (&str, &str),
    phases: &ByPhase,
    (yardsticks, served): (Yardsticks, f64),
) {
    let Yardsticks {
        find,
        hash,
        tar,
        bsdtar,
    } = yardsticks;
    let wall = |phase: &str| phases.get(phase).map(our_walls).unwrap_or_default();
    let mut row = |figure: &str, value, reference, bar| {
        add(
            report,
            place,
            figure,
            (Unit::Seconds, value, reference, bar),
        );
    };
    if !tar.0.is_empty() {
        let best = if tar.median() < bsdtar.median() {
            tar
        } else {
            bsdtar
        };
        let bar = Some(bars::RESTORE_OVER_TAR);
        row("restorer wall / tar -x", wall("restorer"), Some(best), bar);
    }
    if !find.0.is_empty() {
        let both = Samples(find.0.iter().map(|find| find + served).collect());
        row("limit: find -ls", find, None, None);
        row("limit: registry", Samples::one(served), None, None);
        let bar = Some(bars::TRUSTED_OVER_FIND);
        row(
            "exporter wall / find and registry",
            wall("exporter"),
            Some(both),
            bar,
        );
    }
    if !hash.0.is_empty() {
        let bar = Some(bars::UNTRUSTED_OVER_HASH);
        row(
            "exporter wall / tar and sha256",
            wall("exporter"),
            Some(hash),
            bar,
        );
    }
    if place.0 == "no-change" {
        let runs = phases.get("exporter").and_then(|sides| sides.first());
        let temporary = Samples(runs.into_iter().flatten().map(|run| run.temp).collect());
        let value = (Unit::Bytes, temporary, None, Some(bars::NO_TEMPORARY));
        add(report, place, "temporary disk / nothing", value);
    }
}

/// Each layer as an uncompressed archive, for the tools.
pub(super) fn archives(bench: &Bench, stage: &Stage<'_>) -> Result<PathBuf> {
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
