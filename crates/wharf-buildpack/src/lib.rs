//! Finding buildpacks on disk and running their executables through a trait (buildpack spec, "Buildpack Interface").
//!
//! | module | what |
//! |---|---|
//! | [`store`] | buildpacks by id and version below the buildpacks directory |
//! | [`target`] | which targets a buildpack supports, and whether an image is one of them |
//! | [`context`] | what every run of one phase shares: directories, environment, target |
//! | [`request`] | one run of `bin/detect` or `bin/build`: program, arguments, environment |
//! | [`runner`] | the trait [`BuildpackRunner`] |
//! | [`process`] | [`ProcessRunner`]: child processes in groups of their own |
//! | [`cancel`] | the token that ends them |
//! | [`stray`] | processes a buildpack left behind |
//! | [`env_dir`] | `env` directories as lists of files |
//! | [`file`] | files from outside, read with a limit |
pub mod cancel;
pub mod context;
pub mod env_dir;
pub mod file;
pub mod process;
pub mod request;
pub mod runner;
pub mod store;
pub mod stray;
pub mod target;

pub use cancel::Cancel;
pub use context::{Context, Sources};
pub use file::FileError;
pub use process::ProcessRunner;
pub use request::Request;
pub use runner::{BuildpackRunner, Captured, Exit, RunError};
pub use store::{Buildpack, BuildpackStore, StoreError};
