//! `lifecycle`, and every phase by a link of its name.
use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    let status = wharf_lifecycle::main_with(&name.to_string_lossy(), arguments);
    ExitCode::from(status)
}
