//! Builds with scripted buildpacks, and with the recorded buildpacks of the reference.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod environment;
mod failure;
mod golden;
mod layers;
mod output;
mod plan;
mod processes;
mod support;
