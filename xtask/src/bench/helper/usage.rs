//! CPU time and users.
use anyhow::Result;
use nix::sys::{
    resource::{Usage, UsageWho, getrusage},
    time::TimeValLike,
};
use std::{ffi::OsString, os::unix::process::CommandExt, process::Command};

/// Seconds of CPU this process has had so far, in all its threads.
pub(crate) fn cpu() -> Result<f64> {
    Ok(seconds(&getrusage(UsageWho::RUSAGE_SELF)?))
}

/// User and system time in seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of less than a century"
)]
pub(crate) fn seconds(usage: &Usage) -> f64 {
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    micros as f64 / 1e6
}

/// A command that becomes `user` when this process may change to it.
pub(crate) fn command(user: u32, (program, args): (&OsString, &[OsString])) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    if nix::unistd::geteuid().is_root() {
        command.uid(user).gid(user);
    }
    command
}
