//! Builds and rebases recorded from the reference lifecycle (`fixtures/golden/reference`), replayed phase by phase and
//! taken over halfway.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]
mod compare;
mod replay;
mod switch;
