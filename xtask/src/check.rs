//! `cargo xtask check`: format, clippy, licences, layers, generated docs.
use crate::{docs, layers, packages, process, workspace};
use anyhow::{Result, bail};
use std::process::Command;

/// Everything a change must pass before it lands.
pub(crate) fn run() -> Result<()> {
    packages::ensure_for_build()?;
    quick()?;
    clippy()?;
    deny()
}

/// The checks that take seconds; `test` begins with them.
pub(crate) fn quick() -> Result<()> {
    println!("check: format");
    process::run(&mut cargo(&["fmt", "--all", "--", "--check"]))?;
    println!("check: layers");
    layers::run()?;
    println!("check: generated docs");
    docs::check()
}

fn clippy() -> Result<()> {
    println!("check: clippy");
    process::run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Licences, bans and sources always; advisories where their database can be had.
fn deny() -> Result<()> {
    println!("check: licences and advisories");
    if packages::find("cargo-deny").is_none() {
        process::run(&mut cargo(&[
            "install",
            "--locked",
            "--quiet",
            "cargo-deny",
        ]))?;
    }
    process::run(&mut cargo(&[
        "deny",
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))?;
    let mut advisories = cargo(&["deny", "check", "advisories"]);
    match process::capture(&mut advisories) {
        Ok(_) => println!("check: no advisory applies"),
        Err(error) if database_unreachable(&format!("{error:#}")) => {
            println!("check: advisories not checked: their database cannot be reached from here");
        }
        Err(error) => bail!("{error:#}"),
    }
    Ok(())
}

fn database_unreachable(words: &str) -> bool {
    [
        "failed to fetch advisory database",
        "failed to clone",
        "failed to prepare fetch",
    ]
    .iter()
    .any(|part| words.contains(part))
}

fn cargo(args: &[&str]) -> Command {
    let mut command = process::command("cargo", args);
    command.current_dir(workspace::root());
    command
}
