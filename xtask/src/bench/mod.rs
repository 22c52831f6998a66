//! `cargo xtask bench`: what a build costs, against the limits of this machine and against another lifecycle.
mod bars;
mod chart;
mod corpus;
mod fleet;
mod image;
mod limits;
mod measure;
mod options;
mod report;
mod scenario;
mod side;
mod stage;
mod stats;
mod warehouse;

use crate::{dist, packages, process, workspace};
use anyhow::{Context, Result, bail};
use corpus::Corpora;
use measure::Helper;
use options::Options;
use report::Report;
use side::Side;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// Everything a scenario needs.
#[derive(Debug)]
struct Bench {
    options: Options,
    helper: Helper,
    corpora: Corpora,
    sides: Vec<Side>,
    /// Directory of the runs; every scenario has one of its own in it.
    dir: PathBuf,
    /// User of the phases.
    user: u32,
    /// Cores.
    cores: usize,
}

/// `cargo xtask bench [--peer DIR] [--lifecycle DIR] [--quick] [--only SCENARIO[:CORPUS]] [--json FILE] [--chart FILE] [--dir DIR]`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    if let [first, rest @ ..] = args
        && first == "fleet"
    {
        return fleet::run(rest);
    }
    let options = Options::parse(args)?;
    packages::ensure_for_bench()?;
    let begin = Instant::now();
    let bench = Bench::prepare(options)?;
    let mut report = Report::default();
    let outcome = scenario::run_all(&bench, &mut report);
    fs::remove_dir_all(&bench.dir).ok();
    println!("{report}");
    if let Some(file) = &bench.options.chart {
        let chart = chart::growth(&report);
        fs::write(file, chart).with_context(|| format!("write {}", file.display()))?;
    }
    if let Some(file) = &bench.options.json {
        fs::write(file, report.json()).with_context(|| format!("write {}", file.display()))?;
    }
    println!("{} s", begin.elapsed().as_secs());
    outcome?;
    match report.broken() {
        0 => Ok(()),
        count => bail!("{count} of the bars do not hold"),
    }
}

impl Bench {
    fn prepare(options: Options) -> Result<Self> {
        let ours = match &options.lifecycle {
            Some(dir) => dir.clone(),
            None => dist::run()?.join("lifecycle"),
        };
        let mut sides = vec![Side::new("wharf", &ours)?];
        if let Some(peer) = &options.peer {
            sides.push(Side::new("other", peer)?);
        }
        let home = workspace::target().join("bench");
        let dir = options.dir.clone().unwrap_or_else(|| home.join("run"));
        empty(&dir)?;
        let user = if nix::unistd::geteuid().is_root() {
            1000
        } else {
            nix::unistd::geteuid().as_raw()
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let bench = Self {
            helper: Helper::build()?,
            corpora: Corpora::new(&home.join("corpora"), options.quick),
            sides,
            dir,
            user,
            cores,
            options,
        };
        bench.introduce()?;
        Ok(bench)
    }

    /// Says who is measured and on what.
    fn introduce(&self) -> Result<()> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpus = read("/proc/cpuinfo");
        let model = cpus.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split(": ").nth(1));
        let kind = process::command("stat", ["-f", "-c", "%T"])
            .arg(&self.dir)
            .output()?;
        for side in &self.sides {
            println!("bench: {}", side.version);
        }
        println!(
            "bench: {} cores of {}; {} on {}; load before: {}",
            self.cores,
            model.unwrap_or("an unknown processor"),
            self.dir.display(),
            String::from_utf8_lossy(&kind.stdout).trim(),
            read("/proc/loadavg").trim()
        );
        Ok(())
    }

    /// Times each measurement is taken.
    fn runs(&self) -> usize {
        if self.options.quick { 3 } else { 5 }
    }

    /// Waits until what was written before is on disk, so that nobody pays for another's writes.
    fn settle(&self) -> Result<()> {
        let dir = fs::File::open(&self.dir)?;
        nix::unistd::syncfs(&dir).with_context(|| format!("sync {}", self.dir.display()))
    }
}

/// An empty directory, whatever was there.
fn empty(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))
}
