//! `cargo xtask dist`: what is shipped. The same source gives the same bytes, on every run and in every place.
mod executables;
mod pack;
mod same;
mod stamp;

use crate::{packages, process, workspace};
use anyhow::{Context, Result, bail};
use executables::{Checkout, Executables};
pub(crate) use pack::architecture;
use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    thread::available_parallelism,
};

/// `cargo xtask dist [--verify]`.
pub(crate) fn task(args: &[String]) -> Result<()> {
    packages::ensure_for_build()?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] => run().map(|_| ()),
        ["--verify"] => verify(&run()?),
        _ => bail!("dist takes nothing but --verify"),
    }
}

/// Makes everything below `target/dist` and returns that directory.
pub(crate) fn run() -> Result<PathBuf> {
    let dist = workspace::dist();
    let here = Checkout::here();
    let executables = Executables::make(&here, here.commit().as_deref(), &dist)?;
    let workers = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    pack::pack(&executables, &dist, workers)?;
    Ok(dist)
}

/// Packs the executables of `dist` a second time and compares.
pub(crate) fn verify_packing(dist: &Path) -> Result<()> {
    let again = tempfile::tempdir_in(dist).context("make a temporary directory")?;
    pack::pack(&Executables::below(dist), again.path(), NonZeroUsize::MIN)?;
    let count = same::expect(again.path(), dist)?;
    println!("dist: {count} packed files are the same a second time");
    Ok(())
}

/// Compiles and packs a copy of the checkout in another place, from nothing, and compares with `dist`.
fn verify(dist: &Path) -> Result<()> {
    let here = Checkout::here();
    let elsewhere = tempfile::Builder::new()
        .prefix("wharf-elsewhere-")
        .tempdir()
        .context("make a temporary directory")?;
    let copy = Checkout {
        root: elsewhere.path().join("source"),
        target: elsewhere.path().join("made"),
    };
    copy_sources(&here.root, &copy.root)?;
    println!("dist: once more, in {}", copy.root.display());
    let again = elsewhere.path().join("dist");
    let executables = Executables::make(&copy, here.commit().as_deref(), &again)?;
    pack::pack(&executables, &again, NonZeroUsize::MIN)?;
    let count = same::expect(&again, dist)?;
    println!("dist: {count} files are the same from another place");
    Ok(())
}

/// Copies what git has or would have.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    let args = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let names = process::capture(process::command("git", args).current_dir(from))?;
    for name in names.split_terminator('\0') {
        let (source, target) = (from.join(name), to.join(name));
        let parent = target.parent().context("a file has a parent")?;
        fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        match fs::symlink_metadata(&source) {
            Ok(kind) if kind.is_symlink() => {
                std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
            }
            Ok(_) => {
                fs::copy(&source, &target).with_context(|| format!("copy {}", source.display()))?;
            }
            // Deleted here and not yet in git.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("copy {}", source.display())),
        }
    }
    Ok(())
}
