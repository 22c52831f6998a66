//! Works out the process and its environment (platform spec, "Launch"); the executable then becomes it.
//!
//! | module | what |
//! |---|---|
//! | [`inputs`] | arguments and environment of the launcher as typed values |
//! | [`plan`](mod@plan) | the one function: inputs to program, arguments, environment and directory |
//! | [`metadata`] | what the launcher reads of `config/metadata.toml` |
//! | [`host`] | what it asks of the operating system |
//! | [`toml`] | a small TOML reader |
//! | [`error`] | what can go wrong |
//!
//! The launcher ships in every app image, so the crate is `no_std` and holds no parser library. Text is bytes
//! wherever it comes from arguments, variables or file names: those need not be UTF-8.
#![no_std]
extern crate alloc;

mod environment;
pub mod error;
mod exec_d;
pub mod host;
pub mod inputs;
mod lookup;
pub mod metadata;
pub mod plan;
mod process;
mod shell;
pub mod toml;

pub use error::LaunchError;
pub use inputs::LaunchInputs;
pub use plan::{LaunchPlan, plan};

use alloc::{string::String, vec::Vec};

/// `directory/name`; an absolute `name` stands alone.
fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if name.first() == Some(&b'/') {
        return name.to_vec();
    }
    let separator: &[u8] = if directory.last() == Some(&b'/') {
        b""
    } else {
        b"/"
    };
    [directory, separator, name].concat()
}

/// For messages.
fn display(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
