//! Exports end to end, on a strict store in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod cache;
mod common;
mod export;
mod golden;
mod race;
mod room;
