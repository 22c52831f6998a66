//! The executable `wharf`, from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are not known as tests"
)]
mod arguments;
mod builder;
mod inspect;
mod place;
mod rebase;
