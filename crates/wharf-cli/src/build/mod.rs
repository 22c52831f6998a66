//! `wharf build`: source to image on one machine.
//!
//! Every phase runs in a sandbox of its own over the builder image, as it would in a pod: a fresh root, and only the
//! directories of a build in common. Detect and build, which run strangers' code, get no credentials, and nothing they
//! write outside of those directories outlives them.
mod builder_image;
mod destination;
mod interrupts;
pub(crate) mod phase;
mod plan;
mod source;
mod summary;
mod variables;

pub(crate) use summary::base_layers;

use crate::{
    arguments::{BuildArguments, CommonArguments},
    console::{self, Interrupted, PhaseFailed},
    local::LocalStore,
    location::Location,
    policy,
    stores::Stores,
};
use anyhow::{Result, bail};
use builder_image::BuilderImage;
use destination::Destination;
use interrupts::Interrupts;
use plan::{Directories, Plan};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};
use summary::Summary;
use wharf_sandbox::tree;

/// Runs the command.
pub(crate) fn build(common: &CommonArguments, arguments: &BuildArguments) -> Result<()> {
    let interrupts = Interrupts::install()?;
    let local = LocalStore::open(common)?;
    let stores = Stores::new(common)?;
    let project = source::Project::load(&arguments.app)?;
    let variables = variables::gather(arguments, &project)?;
    let destination = Destination::choose(&stores, &local, arguments)?;
    let _lock = local.lock(&destination.name)?;
    let started = Instant::now();
    let builder = BuilderImage::open(&stores, &local, &arguments.builder)?;
    console::line(format_args!(
        "Builder {} ({}) ready after {}",
        arguments.builder,
        builder.digest(),
        console::duration(started.elapsed())
    ));
    // Before anything of it runs.
    policy::check_builder(
        arguments.policy.as_deref(),
        &arguments.builder,
        builder.digest(),
    )?;
    let run_image = destination.prepare(&stores, arguments, &builder)?;
    let previous = destination.previous()?;
    let cache = cache(&local, arguments, &destination)?;
    let area = local.build_area()?;
    let directories = Directories::make(&area, cache, &destination)?;
    source::copy(
        &arguments.app,
        &directories.app,
        &project,
        &own_directories(&local, arguments),
    )?;
    variables::write(&directories.platform, &variables)?;
    let plan = Plan {
        arguments,
        builder: &builder,
        destination: &destination,
        directories: &directories,
        run_image: run_image.as_ref(),
        stores: &stores,
        area: &area,
    };
    interrupts.hold();
    let times = run_phases(&plan, &interrupts)?;
    interrupts.release();
    let finished = destination.finish(&directories)?;
    Summary::new(&finished, previous.as_ref(), &times, started.elapsed()).print();
    Ok(())
}

/// The directory of what buildpacks keep between builds of this app.
fn cache(
    local: &LocalStore,
    arguments: &BuildArguments,
    destination: &Destination,
) -> Result<PathBuf> {
    let cache = arguments
        .cache_dir
        .clone()
        .unwrap_or_else(|| local.cache(&destination.name));
    if arguments.clear_cache {
        tree::remove(&cache)?;
    }
    fs::create_dir_all(&cache)?;
    Ok(cache.canonicalize()?)
}

/// Directories that belong to builds, not to the app.
fn own_directories(local: &LocalStore, arguments: &BuildArguments) -> Vec<PathBuf> {
    let images = [
        Some(&arguments.builder),
        arguments.output.output.as_ref(),
        arguments.run_image.as_ref(),
        arguments.previous_image.as_ref(),
    ];
    let layouts = images
        .into_iter()
        .flatten()
        .filter_map(|location| match location {
            Location::Layout(image) => Some(image.dir.clone()),
            Location::Registry(_) => None,
        });
    layouts
        .chain(arguments.cache_dir.clone())
        .chain([local.path().to_owned()])
        .collect()
}

fn run_phases(plan: &Plan<'_>, interrupts: &Interrupts) -> Result<Vec<(&'static str, Duration)>> {
    let mut times = Vec::new();
    for phase in plan.phases()? {
        console::banner(phase.title);
        let (name, started) = (phase.name, Instant::now());
        let code = phase.run(interrupts)?;
        if let Some(signal) = interrupts.seen() {
            bail!(Interrupted {
                phase: name,
                signal
            });
        }
        if code != 0 {
            return Err(PhaseFailed { phase: name, code }.into());
        }
        times.push((name, started.elapsed()));
    }
    Ok(times)
}
