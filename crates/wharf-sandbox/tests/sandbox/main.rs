//! Sandboxes as the caller and as an ordinary user.
//!
//! A sandbox starts from a process with one thread, which a test is not: each test starts this executable again with a
//! request on its standard input, and the executable runs one of the [`programs`] inside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test without the standard harness is not known as one"
)]
mod cases;
mod harness;
mod programs;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(harness::INSIDE) {
        return harness::run_request();
    }
    let trial = |name: String, caller, case: fn(harness::Caller)| {
        Trial::test(name, move || {
            case(caller);
            Ok(())
        })
    };
    let trials = cases::ALL.iter().flat_map(|(name, case)| {
        harness::Caller::ALL
            .into_iter()
            .map(move |caller| trial(format!("{}::{name}", caller.name()), caller, *case))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
