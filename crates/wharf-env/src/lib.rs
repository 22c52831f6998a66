//! How a layer, the platform and the operator change an environment (buildpack spec, "Environment").
//!
//! | module | what |
//! |---|---|
//! | [`env`] | an environment as a value |
//! | [`delta`] | the files of an `env` directory as a change to an environment |
//! | [`posix_path`] | the path variables a layer's directories extend |
//! | [`build_env`] | what a buildpack sees while it runs |
//!
//! Nothing here reads a file or the process environment: directories arrive as lists of [`EnvFile`].
//!
//! Without the feature `std` the crate is `no_std` and speaks bytes only: that is what the launcher links.
#![cfg_attr(not(feature = "std"), no_std)]
extern crate alloc;

#[cfg(feature = "std")]
pub mod build_env;
pub mod delta;
pub mod env;
pub mod posix_path;

pub use delta::{EnvDelta, EnvFile, Unsuffixed};
pub use env::Env;
