//! The executable as a black box: its command line, and whole builds by the creator.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]
mod command_line;
mod errors;
mod flaky;
mod layout;
mod quota;
mod registry;
mod support;
