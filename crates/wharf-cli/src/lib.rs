//! `wharf` on a developer's or administrator's machine.
//!
//! | module | what |
//! |---|---|
//! | [`arguments`] | the command line |
//! | `builder` | `wharf builder create`: a builder image from a `builder.toml` |
//! | `build` | `wharf build`: the phases in rootless sandboxes, source to image |
//! | `harbor` | `wharf quota` and `wharf prune`: what a project holds, and what may go |
//! | `inspect` | `wharf inspect`: what is in an image |
//! | `fleet` | `wharf rebase plan`, `apply`, …: many images onto a new run image |
//! | `rebase` | `wharf rebase`: an image onto a new run image |
//! | `location` | where an image is: a registry or an OCI layout directory |
//! | `mixed` | directories and registries as one store |
//! | `stores` | stores for locations, with the caller's credentials |
//! | `transfer` | images from one store to another |
//! | `local` | the directory with everything that is kept between runs |
//! | `volume` | what of this machine buildpacks see |
//! | `console` | what the user sees |
pub mod arguments;
mod build;
mod builder;
mod console;
mod environment;
mod files;
mod fleet;
mod harbor;
mod inspect;
mod local;
mod location;
mod mixed;
mod policy;
mod rebase;
mod stores;
mod transfer;
mod volume;

use arguments::{Arguments, BuilderCommand, Command};
use clap::Parser;
use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Command::Builder {
            command: BuilderCommand::Create(create),
        } => builder::create(&arguments.common, create),
        Command::Build(build) => build::build(&arguments.common, build),
        Command::Inspect(inspect) => inspect::inspect(&arguments.common, inspect),
        Command::Rebase(rebase) => rebase::rebase(&arguments.common, rebase),
        Command::Quota(quota) => harbor::quota(&arguments.common, quota),
        Command::Prune(prune) => harbor::prune(&arguments.common, prune),
        Command::Phase => return build::phase::inside(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => console::fail(&error),
    }
}
