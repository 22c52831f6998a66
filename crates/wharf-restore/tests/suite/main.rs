//! Restorations end to end, from cache directories.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod common;
mod golden;
mod restore;
mod run_image;
