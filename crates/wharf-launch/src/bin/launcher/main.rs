//! `launcher`: the entrypoint of every app image. Works out the process, then becomes it.
//!
//! With the profile `launcher` (panics abort) it links no standard library: that and its C library would be the
//! greater part of the executable. With any other profile it is the same code beside an idle standard library,
//! which then owns allocation and panics.
#![cfg_attr(panic = "abort", no_std)]
#![no_main]
extern crate alloc;

#[cfg(panic = "abort")]
mod runtime;
mod system;

use alloc::{format, vec::Vec};
use core::ffi::{c_char, c_int};
use system::System;
use wharf_env::Env;
use wharf_launch::{LaunchError, LaunchInputs, plan};
use wharf_spec::exit_code::ExitCode;

/// Called by the C runtime.
///
/// # Safety
/// Both arrays are NULL-terminated arrays of NUL-terminated strings that nothing changes.
#[expect(
    unsafe_code,
    reason = "the entry point has a fixed name and takes C arrays"
)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(
    _count: c_int,
    argv: *const *const c_char,
    envp: *const *const c_char,
) -> c_int {
    // SAFETY: by the contract above, which the C runtime keeps.
    let (argv, variables) = unsafe { (system::strings(argv), system::strings(envp)) };
    let error = launch(argv, environment(variables));
    system::complain(&format!("ERROR: failed to launch: {error}\n"));
    exit_code(&error).code().into()
}

/// Returns only when nothing was launched.
fn launch(argv: Vec<Vec<u8>>, env: Env) -> LaunchError {
    let inputs = match LaunchInputs::resolve(argv, env, &system::current_dir()) {
        Ok(inputs) => inputs,
        Err(error) => return error,
    };
    for warning in &inputs.warnings {
        system::complain(&format!("Warning: {warning}\n"));
    }
    match plan(&inputs, &System) {
        Ok(plan) => system::execute(&plan),
        Err(error) => error,
    }
}

fn environment(variables: Vec<Vec<u8>>) -> Env {
    let mut env = Env::new();
    for variable in variables {
        if let Some(equals) = variable.iter().position(|byte| *byte == b'=') {
            env.set_bytes(&variable[..equals], &variable[equals + 1..]);
        }
    }
    env
}

/// The status of each failure (platform spec, "launcher", "Outputs").
fn exit_code(error: &LaunchError) -> ExitCode {
    match error {
        LaunchError::MissingPlatformApi | LaunchError::PlatformApi(_) => {
            ExitCode::IncompatiblePlatformApi
        }
        LaunchError::BuildpackApi { .. } => ExitCode::IncompatibleBuildpackApi,
        LaunchError::ExecEnv(_)
        | LaunchError::ReadMetadata { .. }
        | LaunchError::ParseMetadata { .. }
        | LaunchError::BuildpackId { .. }
        | LaunchError::NoCommand { .. }
        | LaunchError::NotEligible { .. }
        | LaunchError::EmptyCommand { .. }
        | LaunchError::List { .. }
        | LaunchError::ReadVariable { .. }
        | LaunchError::ExecD { .. }
        | LaunchError::ExecDOutput { .. }
        | LaunchError::AppDirectory { .. }
        | LaunchError::WorkingDirectory { .. }
        | LaunchError::CommandNotFound { .. }
        | LaunchError::CommandInRelativeDirectory { .. }
        | LaunchError::NotExecutable { .. }
        | LaunchError::NoShell { .. }
        | LaunchError::Execute { .. } => ExitCode::LaunchFailed,
    }
}
