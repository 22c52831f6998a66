//! Running the executable under any of its names.
pub(crate) mod place;
pub(crate) mod site;

use std::{os::unix::process::CommandExt, process::Command};

/// How an invocation ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The executable as `name`, with an environment of our own.
pub(crate) fn command(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lifecycle"));
    command
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied());
    command
}

pub(crate) fn finish(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
