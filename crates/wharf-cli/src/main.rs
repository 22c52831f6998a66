//! The executable `wharf`.
use std::process::ExitCode;

fn main() -> ExitCode {
    wharf_cli::main()
}
