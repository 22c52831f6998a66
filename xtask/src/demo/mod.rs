//! `cargo xtask demo`: the main job on real input, from a Debian machine with only a Rust toolchain.
mod app;
pub(crate) mod pods;
mod registry;
mod table;

use crate::{
    bases::{self, PATCHED_PACKAGE},
    dist, packages, workspace,
};
use anyhow::{Context, Result, ensure};
pub(crate) use app::fresh;
use app::{App, Build};
pub(crate) use registry::package_rust_buildpack;
use std::{fs, path::Path, time::Instant};
use table::Table;

/// Runs the whole demo. `--keep` leaves nothing running either; it only keeps the registry's content.
pub(crate) fn run(_args: &[String]) -> Result<()> {
    let begin = Instant::now();
    let work = workspace::demo();
    fs::create_dir_all(&work).with_context(|| format!("create {}", work.display()))?;
    step("packages", packages::ensure)?;
    let dist = step("executables", dist::run)?;
    let bases = step("base images", || bases::ensure(&work.join("bases")))?;
    step("patched run image", || bases.ensure_patched())?;
    let build = Build::prepare(&work, &dist, bases)?;
    let mut table = Table::default();
    for app in [App::flask(), App::nodejs()] {
        one_app(&app, &build, &mut table)?;
    }
    println!("\n{table}");
    println!(
        "demo: all good after {:.0} s; logs in {}",
        begin.elapsed().as_secs_f64(),
        build.runtime.dir.join("logs").display()
    );
    Ok(())
}

/// Build, read back, start; change a line and rebuild; rebase and start again.
fn one_app(app: &App, build: &Build, table: &mut Table) -> Result<()> {
    let name = app.name;
    let source = build.source(app)?;
    let first = step(&format!("{name}: first build"), || {
        build.phases(app, &source, "first", table)
    })?;
    step(&format!("{name}: read back and start"), || {
        build.start(app, &first, app.greeting)
    })?;
    let same = step(&format!("{name}: same source again"), || {
        build.phases(app, &source, "unchanged", table)
    })?;
    ensure!(
        same.digest == first.digest,
        "the same source gave {} and then {}",
        first.digest,
        same.digest
    );
    change_line(app, &source)?;
    let second = step(&format!("{name}: one line changed"), || {
        build.phases(app, &source, "one line", table)
    })?;
    ensure!(
        second.digest != first.digest,
        "a changed source gave the same digest"
    );
    step(&format!("{name}: start the new image"), || {
        build.start(app, &second, app.changed_greeting)
    })?;
    let rebased = step(
        &format!("{name}: rebase onto the patched run image"),
        || build.rebase(app, table),
    )?;
    let version = step(&format!("{name}: start the rebased image"), || {
        build.start(app, &rebased, app.changed_greeting)?;
        build.package_version(&rebased, PATCHED_PACKAGE)
    })?;
    ensure!(
        version.contains("+security1"),
        "the rebased image has {PATCHED_PACKAGE} {version}"
    );
    println!("    {PATCHED_PACKAGE} is now {version}");
    Ok(())
}

fn change_line(app: &App, source: &Path) -> Result<()> {
    let file = source.join(app.file);
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    ensure!(
        text.contains(app.greeting),
        "{} does not hold the text '{}'",
        file.display(),
        app.greeting
    );
    fs::write(&file, text.replace(app.greeting, app.changed_greeting))
        .with_context(|| format!("write {}", file.display()))
}

/// Names a step before it runs, so that a failure says where it was.
fn step<T>(name: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    let begin = Instant::now();
    let result = run().with_context(|| format!("step '{name}'"))?;
    println!("    {:.1} s", begin.elapsed().as_secs_f64());
    Ok(result)
}
