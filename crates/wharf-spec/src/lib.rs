//! The words of the Cloud Native Buildpacks specification as types.
//!
//! | module | what |
//! |---|---|
//! | [`api`] | Platform and Buildpack API versions and the named choices each version makes |
//! | [`id`] | identifiers that cannot hold an illegal value |
//! | [`digest`] | content digests |
//! | [`reference`] | image references |
//! | [`target`] | what an image or a buildpack is built for |
//! | [`files`] | every TOML file the phases hand over, one module per file |
//! | [`labels`] | the JSON labels of an app image |
//! | [`encode`] | TOML and JSON text as the reference writes them |
//! | [`log`] | how libraries say what they do |
//! | [`env_var`], [`exit_code`], [`paths`] | names and numbers |
//!
//! The crate is `no_std`: nothing here can read a file, the environment or a clock.
#![no_std]
extern crate alloc;

pub mod api;
pub mod digest;
#[cfg(feature = "documents")]
pub mod encode;
pub mod env_var;
pub mod exit_code;
#[cfg(feature = "documents")]
pub mod files;
pub mod id;
#[cfg(feature = "documents")]
pub mod labels;
pub mod log;
pub mod paths;
pub mod reference;
pub mod target;
