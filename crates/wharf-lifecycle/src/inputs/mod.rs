//! From what was typed to what a phase works with: one typed, complete value per phase.
//!
//! Each step maps values to values. The only look at the disk is whether `<layers>/order.toml` exists.
mod analyze;
mod build;
mod common;
mod detect;
mod error;
mod export;
mod positionals;
mod rebase;
mod resolver;
mod restore;
mod size;

pub(crate) use analyze::Analyze;
pub(crate) use build::Build;
pub(crate) use common::{CacheChoice, Common, Ids, Images, RunFile};
pub(crate) use detect::{Buildpacks, Detect};
pub use error::InputError;
pub(crate) use export::Export;
pub use positionals::ArgumentsError;
pub(crate) use positionals::{check as check_positionals, warn_of_dashes};
pub(crate) use rebase::Rebase;
pub(crate) use resolver::{Resolver, Surroundings};
pub(crate) use restore::Restore;

#[cfg(test)]
mod tests;
