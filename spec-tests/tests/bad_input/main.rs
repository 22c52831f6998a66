//! Bad input: the spec's exit code, one error that says what and where, and nothing half-written.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]
mod analysis;
mod app;
mod building;
mod command_line;
mod detection;
mod disk;
mod documents;
mod ground;
mod launching;
mod layers;
mod lies;
mod rights;
