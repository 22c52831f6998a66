//! The executable `wharf`, from outside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are not known as tests"
)]
mod arguments;
mod build;
mod builder;
mod ends;
mod fleet;
mod fleet_faults;
mod harbor;
mod inspect;
mod place;
mod rebase;
mod registry;
mod runbook;
