//! Fleets from plan to rollback, on a strict store in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod apply;
mod faults;
mod journal;
mod plan;
mod support;
