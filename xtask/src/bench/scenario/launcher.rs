//! What starting a process costs when the launcher starts it.
use super::add;
use crate::bench::{
    Bench, bars,
    report::{Report, Unit},
    stage::Stage,
    stats::Samples,
};
use anyhow::{Context, Result};
use std::{fs, os::unix::fs::symlink, path::Path};

/// The program the image starts; it does nothing and is static.
const NOTHING: &str = "/bin/busybox";
const STARTS: usize = 100;

/// The launcher over a bare start of the same program.
pub(super) fn run(bench: &Bench, name: &str, report: &mut Report) -> Result<()> {
    let corpus = bench.corpora.get(name)?;
    let mut stages = Vec::new();
    let mut sizes = Vec::new();
    for side in &bench.sides {
        let stage = Stage::new(bench, side, &corpus, false)?;
        stage.before_export()?;
        fs::create_dir(stage.path("process"))?;
        let launcher = side.executable("launcher");
        symlink(&launcher, stage.path("process/web")).context("link a process to the launcher")?;
        #[expect(clippy::cast_precision_loss, reason = "a few MiB")]
        sizes.push(Samples::one(fs::metadata(&launcher)?.len() as f64));
        stages.push(stage);
    }
    let mut own = vec![Samples::default(); stages.len()];
    let mut bare = Samples::default();
    for _ in 0..bench.runs() {
        for (stage, own) in stages.iter().zip(&mut own) {
            let without = Samples(stage.repeat(Path::new(NOTHING), &["true"], STARTS)?).median();
            let with = Samples(stage.repeat(&stage.path("process/web"), &[], STARTS)?).median();
            bare.0.push(without);
            own.0.push(with - without);
        }
    }
    let place = ("launcher", name);
    add(
        report,
        place,
        "limit: bare exec",
        (Unit::Seconds, bare, None, None),
    );
    let mut own = own.into_iter();
    let (ours, other) = (own.next().unwrap_or_default(), own.next());
    let value = (Unit::Seconds, ours.clone(), None, Some(bars::LAUNCHER_TIME));
    add(report, place, "own time over bare exec", value);
    let bar = other
        .as_ref()
        .and_then(|_| bars::against_peer("launcher", name, "own time"));
    add(report, place, "own time", (Unit::Seconds, ours, other, bar));
    let mut sizes = sizes.into_iter();
    let (ours, other) = (sizes.next().unwrap_or_default(), sizes.next());
    add(
        report,
        place,
        "size",
        (Unit::Bytes, ours, other, Some(bars::LAUNCHER_SIZE)),
    );
    Ok(())
}
