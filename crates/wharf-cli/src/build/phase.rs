//! One phase in a process of its own.
//!
//! The process is this executable again, started with an empty environment and told on its standard input what to do.
//! It has one thread, so that it can become a sandbox; the phase is a function in it, so that nothing of ours needs to
//! be in the builder image.
use super::interrupts::Interrupts;
use crate::console;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{self, Command, ExitCode, Stdio},
};
use wharf_sandbox::{Sandbox, die_with_parent};

/// What the process is told.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    parent: u32,
    sandbox: Sandbox,
    name: String,
    arguments: Vec<String>,
}

/// A phase to run.
#[derive(Debug)]
pub(crate) struct Phase {
    /// Executable of the lifecycle.
    pub(crate) name: &'static str,
    /// Heading.
    pub(crate) title: &'static str,
    /// What it sees.
    pub(crate) sandbox: Sandbox,
    /// Its command line, without its name.
    pub(crate) arguments: Vec<String>,
}

impl Phase {
    /// Runs the phase; returns its exit status.
    pub(crate) fn run(self, interrupts: &Interrupts) -> Result<u8> {
        let name = self.name;
        let request = Request {
            parent: process::id(),
            sandbox: self.sandbox,
            name: name.to_owned(),
            arguments: self.arguments,
        };
        run(&request, interrupts).with_context(|| format!("run {name}"))
    }
}

fn run(request: &Request, interrupts: &Interrupts) -> Result<u8> {
    let request = serde_json::to_vec(request)?;
    // By this name it is the same executable even when the file was replaced since.
    let mut child = Command::new("/proc/self/exe")
        .arg0("wharf")
        .arg("phase")
        .env_clear()
        .stdin(Stdio::piped())
        .spawn()?;
    interrupts.forward_to(child.id());
    if let Some(mut stdin) = child.stdin.take() {
        // A child that ended early is noticed below.
        let _ = stdin.write_all(&request);
    }
    let status = child.wait();
    interrupts.hold();
    let status = status?;
    let signal = || u8::try_from(128 + status.signal().unwrap_or_default()).unwrap_or(u8::MAX);
    Ok(status
        .code()
        .map_or_else(signal, |code| u8::try_from(code).unwrap_or(u8::MAX)))
}

/// `wharf phase`: the other side of [`Phase::run`].
pub(crate) fn inside() -> ExitCode {
    Interrupts::unblock();
    match run_request() {
        Ok(code) => ExitCode::from(code),
        Err(error) => console::fail(&error),
    }
}

fn run_request() -> Result<u8> {
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    let request: Request = serde_json::from_slice(&text).context("understand the request")?;
    die_with_parent(request.parent)?;
    let arguments = request.arguments.into_iter().map(OsString::from);
    let exit = request
        .sandbox
        .run(|| wharf_lifecycle::main_with(&request.name, arguments))?;
    Ok(exit.code())
}
