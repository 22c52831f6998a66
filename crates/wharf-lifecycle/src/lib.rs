//! The phases as executables: flags, inputs, privileges, wiring, handoff files, console and exit codes.
//!
//! | module | what |
//! |---|---|
//! | [`phase`] | the executables and their names |
//! | [`flags`] | the table of flags and variables, and Go's flag grammar |
//! | `inputs` | from what was typed to what a phase works with |
//! | `privileges`, `credentials`, `ownership` | what is done before a phase, while the process still may |
//! | `session` | stores, temporary directory and console of a running phase |
//! | `phases` | per phase: load, call, save; `phases/create` is the whole build on one page |
//! | `handoff` | files between phases |
//! | `console`, `interrupt` | lines and signals |
//! | [`exit`] | every failure, and its exit code |
//! | [`docs`] | pages printed from the tables |
//! | [`version`] | the version |
mod console;
mod credentials;
pub mod docs;
mod environment;
pub mod exit;
pub mod flags;
mod handoff;
mod inputs;
mod interrupt;
mod invocation;
mod ownership;
pub mod phase;
mod phases;
mod privileges;
mod session;
pub mod version;

pub use environment::Environment;
pub use handoff::HandoffError;
pub use inputs::{ArgumentsError, InputError};
pub use privileges::PrivilegeError;
pub use session::SessionError;

use interrupt::Interrupt;
use nix::sys::stat::{Mode, umask};
use std::ffi::OsString;

/// Runs the executable `name` (a phase, or `lifecycle` with a phase as first argument) in this process and returns its
/// exit status.
///
/// The process should have one thread: it may change its user. The environment is read here and nowhere else.
pub fn main_with(name: &str, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    // What buildpacks write must not depend on who started us.
    umask(Mode::from_bits_truncate(0o022));
    let interrupt = Interrupt::install();
    let arguments = arguments.into_iter().collect();
    invocation::run(name, arguments, Environment::of_process(), &interrupt)
}

/// [`main_with`] without a change to signals and umask, and with an environment of the caller's choice.
pub fn run(name: &str, arguments: Vec<OsString>, environment: Environment) -> u8 {
    invocation::run(name, arguments, environment, &Interrupt::default())
}
