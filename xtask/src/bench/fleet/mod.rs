//! `cargo xtask bench fleet`: what a security response costs, from plan to the last image.
mod options;
mod server;
mod work;

use super::{
    bars::{self, Bar},
    measure::Helper,
    report::{Report, Row, Unit},
    stats::{self, Samples},
};
use crate::{process, workspace};
use anyhow::{Context, Result, bail};
use options::Options;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};
use work::{Applied, Work};

/// Projects of the fleet; see the helper.
const PROJECTS: u64 = 100;
/// Artifacts of a page.
const PAGE: u64 = 100;
/// Images at a time.
const PARALLEL: usize = 8;

/// `cargo xtask bench fleet [--quick] [--json FILE] [--peer CMD] [--wharf DIR]`.
pub(super) fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    let begin = Instant::now();
    let dir = workspace::target().join("bench").join("fleet");
    super::empty(&dir)?;
    let executables = match &options.wharf {
        Some(dir) => dir.clone(),
        None => build()?,
    };
    let helper = Helper::build()?;
    let work = Work::new(&helper, &executables, &dir)?;
    let mut report = Report::default();
    let outcome = measure(&work, &options, &mut report);
    fs::remove_dir_all(&dir).ok();
    println!("{report}");
    if let Some(file) = &options.json {
        fs::write(file, report.json()).with_context(|| format!("write {}", file.display()))?;
    }
    println!("{} s", begin.elapsed().as_secs());
    outcome?;
    match report.broken() {
        0 => Ok(()),
        count => bail!("{count} of the bars do not hold"),
    }
}

/// The executables, optimised.
fn build() -> Result<PathBuf> {
    println!("bench: building wharf and lifecycle");
    let args = [
        "build",
        "--quiet",
        "--release",
        "--package=wharf-cli",
        "--package=wharf-lifecycle",
        "--bins",
    ];
    let target = workspace::target();
    process::run(
        process::command("cargo", args)
            .current_dir(workspace::root())
            .env("CARGO_TARGET_DIR", &target),
    )?;
    Ok(target.join("release"))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn measure(work: &Work<'_>, options: &Options, report: &mut Report) -> Result<()> {
    let (small, middle, large) = if options.quick {
        (100, 300, 1000)
    } else {
        (1000, 3000, 10_000)
    };
    let mut points = BTreeMap::new();
    for images in [small, middle, large] {
        let corpus = images.to_string();
        let mut server = work.serve(images)?;
        let plan = work.plan(&mut server)?;
        let pages = (0..PROJECTS).map(|project| of_project(images, project).div_ceil(PAGE));
        let pages: u64 = pages.sum();
        // The lists of projects and of quotas; the base is in a project, too.
        let lists = 2 * (PROJECTS + 1).div_ceil(PAGE);
        let requests = plan.counts["api-read"].saturating_sub(lists);
        let value = Samples::one(requests as f64);
        let reference = Some(Samples::one(pages as f64));
        let bar = Some(bars::PLAN_PAGES);
        add(
            report,
            &corpus,
            "plan requests for artifacts",
            (Unit::Count, value, reference, bar),
        );
        seconds(report, &corpus, "plan wall", (plan.run.wall, None, None));
        memory(report, &corpus, "plan peak memory", plan.run.rss);
        let applied = work.apply(&mut server)?;
        drop(server);
        costs(report, (&corpus, images), &applied);
        points.insert(images, (plan.run.wall, applied.run.wall));
        if images == middle {
            over_load(work, images, (&applied, report))?;
            over_processes(work, options, (images, &applied), report)?;
            resumed(work, images, (&applied, report))?;
        } else {
            seconds(
                report,
                &corpus,
                "apply wall",
                (applied.run.wall, None, None),
            );
        }
    }
    let exponent = |pick: fn(&(f64, f64)) -> f64| {
        let points: Vec<(f64, f64)> = points
            .iter()
            .map(|(images, walls)| (*images as f64, pick(walls)))
            .collect();
        Samples::one(stats::exponent(&points))
    };
    for (figure, value) in [
        ("plan exponent", exponent(|walls| walls.0)),
        ("apply exponent", exponent(|walls| walls.1)),
    ] {
        let value = (Unit::Exponent, value, None, Some(bars::GROWTH));
        add(report, "all", figure, value);
    }
    Ok(())
}

/// How many of `images` are in a project.
fn of_project(images: u64, project: u64) -> u64 {
    images / PROJECTS + u64::from(project < images % PROJECTS)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn costs(report: &mut Report, (corpus, images): (&str, u64), applied: &Applied) {
    println!("requests of {corpus} images: {:?}", applied.counts);
    // What all images share, as the probe and the run image, is not of an image: less than one per image.
    let value = Samples::one((applied.counts["total"] / images) as f64);
    let bar = Some(bars::FLEET_REQUESTS);
    add(
        report,
        corpus,
        "apply requests per image",
        (Unit::Count, value, None, bar),
    );
    let layers = applied.counts["put-blob"].saturating_sub(images);
    let value = Samples::one(layers as f64);
    let bar = Some(bars::NO_LAYERS);
    add(
        report,
        corpus,
        "apply uploads of layers",
        (Unit::Count, value, None, bar),
    );
    memory(report, corpus, "apply peak memory", applied.run.rss);
}

/// The same requests from a client that does nothing else.
fn over_load(
    work: &Work<'_>,
    images: u64,
    (applied, report): (&Applied, &mut Report),
) -> Result<()> {
    let mut walls = vec![applied.run.wall];
    let mut loads = Vec::new();
    for round in 0..3 {
        let server = work.serve(images)?;
        loads.push(work.load(&server, images)?);
        drop(server);
        if round > 0 {
            let mut server = work.serve(images)?;
            work.plan(&mut server)?;
            walls.push(work.apply(&mut server)?.run.wall);
        }
    }
    let corpus = images.to_string();
    let bar = Some(bars::APPLY_OVER_LOAD);
    let value = (Unit::Seconds, Samples(walls), Some(Samples(loads)), bar);
    add(report, &corpus, "apply wall, over plain load", value);
    Ok(())
}

/// One process for each image.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn over_processes(
    work: &Work<'_>,
    options: &Options,
    (images, applied): (u64, &Applied),
    report: &mut Report,
) -> Result<()> {
    let sample = if options.quick { 30 } else { 100 };
    let corpus = images.to_string();
    let own = applied.run.wall / images as f64;
    let server = work.serve(sample)?;
    let rebaser = work.one_by_one(&server, sample, None)?;
    drop(server);
    let bar = Some(bars::APPLY_OVER_REBASER);
    seconds(
        report,
        &corpus,
        "per image, over own rebaser",
        (own, Some(rebaser), bar),
    );
    if let Some(peer) = &options.peer {
        let server = work.serve(sample)?;
        let peer = work.one_by_one(&server, sample, Some(peer))?;
        let bar = Some(bars::APPLY_OVER_PEER);
        seconds(
            report,
            &corpus,
            "per image, over other rebaser",
            (own, Some(peer), bar),
        );
    }
    Ok(())
}

/// Killed half-way and started again.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn resumed(work: &Work<'_>, images: u64, (applied, report): (&Applied, &mut Report)) -> Result<()> {
    let mut server = work.serve(images)?;
    work.plan(&mut server)?;
    let first = work.kill_half_way(&mut server, images)?;
    let second = work.apply(&mut server)?;
    let whole = applied.counts["total"];
    let repeated = (first + second.counts["total"]).saturating_sub(whole);
    let value = Samples::one(repeated as f64);
    let reference = Some(Samples::one(whole as f64));
    let bar = Some(bars::REPEATED);
    let corpus = images.to_string();
    add(
        report,
        &corpus,
        "requests repeated after kill",
        (Unit::Count, value, reference, bar),
    );
    Ok(())
}

fn seconds(
    report: &mut Report,
    corpus: &str,
    figure: &str,
    (value, reference, bar): (f64, Option<f64>, Option<Bar>),
) {
    let value = Samples::one(value);
    add(
        report,
        corpus,
        figure,
        (Unit::Seconds, value, reference.map(Samples::one), bar),
    );
}

fn memory(report: &mut Report, corpus: &str, figure: &str, bytes: f64) {
    let bar = Some(bars::FLEET_MEMORY);
    add(
        report,
        corpus,
        figure,
        (Unit::Bytes, Samples::one(bytes), None, bar),
    );
}

type Figure = (Unit, Samples, Option<Samples>, Option<Bar>);

fn add(report: &mut Report, corpus: &str, figure: &str, (unit, value, reference, bar): Figure) {
    report.add(Row {
        scenario: "fleet".into(),
        corpus: corpus.into(),
        figure: figure.into(),
        unit,
        value,
        reference,
        bar,
    });
}

/// A file in a directory as a word of a command line.
fn word(dir: &Path, name: &str) -> String {
    dir.join(name).to_string_lossy().into_owned()
}
