//! `cargo xtask test`: everything, on a machine that may have nothing but a Rust toolchain.
use crate::{check, conformance, demo::pods, dist, packages, process, soak, workspace};
use anyhow::Result;

/// Installs what is missing, builds the executables under test, runs every test; ends with the runner's summary.
pub(crate) fn run(args: &[String]) -> Result<()> {
    packages::ensure()?;
    check::quick()?;
    let dist = dist::run()?;
    dist::verify_packing(&dist)?;
    pods::check(&dist)?;
    conformance::check(&dist)?;
    soak::check(&dist)?;
    let mut cargo = process::command("cargo", ["test", "--workspace", "--no-fail-fast"]);
    cargo
        .args(args)
        .current_dir(workspace::root())
        .env("WHARF_DIST", dist);
    process::run(&mut cargo)
}
