//! `cargo xtask soak`: whole builds and rebases on a way to the registry that loses, delays and refuses, with processes
//! killed in between. Everything is done twice: once in peace, to know what is expected, and once like this.
mod attempt;
mod ground;
mod options;
mod pass;
mod plan;
mod reader;
mod report;
mod stage;
mod tally;

use crate::{dist, packages, workspace};
use anyhow::{Result, bail};
use ground::Ground;
use options::Options;
use reader::Reader;
use report::Report;
use std::{collections::BTreeMap, fs, path::Path, time::Instant};
use tally::Bytes;
use wharf_testkit::FaultPlan;

type Counts = BTreeMap<&'static str, usize>;

/// `cargo xtask soak [--seed N] [--builds N] [--fault-rate P] [--dist DIR]`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = Options::parse(args)?;
    packages::ensure()?;
    let dist = match &options.dist {
        Some(dist) => dist.clone(),
        None => dist::run()?,
    };
    soak(&options, &dist)
}

/// A short one, for every test run; its seed has a rebase, a signal of each kind and most faults.
pub(crate) fn check(dist: &Path) -> Result<()> {
    let options = Options {
        seed: 15,
        builds: 12,
        fault_rate: 0.2,
        dist: None,
    };
    soak(&options, dist)
}

fn soak(options: &Options, dist: &Path) -> Result<()> {
    let dir = workspace::target().join("soak");
    let outcome = soak_in(&dir, options, dist);
    fs::remove_dir_all(&dir).ok();
    let report = outcome?;
    println!("{report}");
    match report.faults() {
        faults if faults.is_empty() => Ok(()),
        faults => bail!("{}", faults.join("; ")),
    }
}

fn soak_in(dir: &Path, options: &Options, dist: &Path) -> Result<Report> {
    let lines = plan::plan(options.seed, options.builds);
    let steps = lines.iter().map(|line| line.steps.len()).sum::<usize>();
    println!(
        "soak: seed {}, {} builds and {} rebases in {} repositories, {} of the requests faulty",
        options.seed,
        options.builds,
        steps - options.builds,
        lines.len(),
        options.fault_rate
    );
    let ground = Ground::new(dir, dist)?;
    let begin = Instant::now();
    let courses = pass::calm(&ground, &lines)?;
    let calm = ground.proxy.take();
    let calm_time = begin.elapsed();
    let asked = ground.tokens.take().requests.len();
    ground.set_plan(&FaultPlan::seeded(options.seed, options.fault_rate));
    let begin = Instant::now();
    let mut tally = pass::wild(&ground, &lines, &courses)?;
    let wild = ground.proxy.take();
    let tokens = ground.tokens.take();
    let wild_time = begin.elapsed();
    let mut reader = Reader::new(&ground.open.host());
    let mut read = 0;
    for (line, course) in lines.iter().zip(&courses) {
        let (tags, wrong) = report::read_back(&mut reader, line, course);
        read += tags;
        tally.wrong.extend(wrong);
    }
    Ok(Report {
        builds: options.builds,
        read,
        open: tally.open_sessions(&wild),
        bytes: Bytes::new(&calm, &wild),
        requests: (
            calm.requests.len() + asked,
            wild.requests.len() + tokens.requests.len(),
        ),
        met: sum(wild.faults(), tokens.faults()),
        times: (calm_time, wild_time),
        tally,
    })
}

fn sum(mut one: Counts, other: Counts) -> Counts {
    for (name, count) in other {
        *one.entry(name).or_default() += count;
    }
    one
}
