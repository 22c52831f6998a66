//! Analyses end to end, on a strict store in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod analyze;
mod golden;
