//! Buildpacks in temporary directories, and real child processes.
mod cancel;
mod env_dir;
mod process;
mod request;
mod store;
mod support;
mod target;
