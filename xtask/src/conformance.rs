//! `cargo xtask conformance`: judges wharf, or any directory holding a lifecycle, by the specification.
use crate::{dist, packages, process, workspace};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Passes the arguments on to the suite; without `--lifecycle` it judges the executables of `cargo xtask dist`.
///
/// `--write-map` stands for `--map docs/spec-map.md`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    packages::ensure()?;
    let mut words = Vec::new();
    if !args
        .iter()
        .any(|word| word.starts_with("--lifecycle") || word == "--help")
    {
        words.extend(["--lifecycle".into(), dist::run()?.join("lifecycle")]);
    }
    for word in args {
        if word == "--write-map" {
            words.extend(["--map".into(), page()]);
        } else {
            words.push(word.into());
        }
    }
    judge(&words)
}

/// Judges wharf on everything, and compares the generated map with the one in the repository.
pub(crate) fn check(dist: &Path) -> Result<()> {
    let fresh = workspace::root().join("target/spec-map.md");
    judge(&[
        "--lifecycle".into(),
        dist.join("lifecycle"),
        "--map".into(),
        fresh.clone(),
    ])?;
    let read =
        |path: &Path| fs::read_to_string(path).with_context(|| format!("read {}", path.display()));
    ensure!(
        read(&fresh)? == read(&page())?,
        "{} is not what the suite shows; run cargo xtask conformance --write-map",
        page().display()
    );
    Ok(())
}

fn judge(words: &[PathBuf]) -> Result<()> {
    let arguments = [
        "run",
        "--quiet",
        "--package",
        "spec-tests",
        "--bin",
        "conformance",
        "--",
    ];
    let mut suite = process::command("cargo", arguments);
    suite.args(words).current_dir(workspace::root());
    if let Some(memory) = memory() {
        suite.env("TMPDIR", memory);
    }
    process::run(&mut suite)
}

/// Thousands of builds sync files to disk; where the machine has a file system in memory with room, they need not
/// wait for one.
fn memory() -> Option<&'static str> {
    const ROOM_MIB: u64 = 2048;
    let shared = "/dev/shm";
    let df = Command::new("df")
        .args(["--output=avail", "--block-size=1M", shared])
        .output()
        .ok()?;
    let text = String::from_utf8(df.stdout).ok()?;
    let free: u64 = text.lines().nth(1)?.trim().parse().ok()?;
    (free >= ROOM_MIB).then_some(shared)
}

fn page() -> PathBuf {
    workspace::root().join("docs/spec-map.md")
}
