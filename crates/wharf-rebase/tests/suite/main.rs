//! Rebases end to end, on a strict store in memory.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]
mod golden;
mod index;
mod rebase;
