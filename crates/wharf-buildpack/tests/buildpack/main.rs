//! Buildpacks in temporary directories, and real child processes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod cancel;
mod env_dir;
mod process;
mod request;
mod store;
mod support;
mod target;
