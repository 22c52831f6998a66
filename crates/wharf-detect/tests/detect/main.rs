//! Detection with a scripted runner, and with the recorded buildpacks of the reference.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod error;
mod golden;
mod group;
mod order;
mod output;
mod support;
mod target;
