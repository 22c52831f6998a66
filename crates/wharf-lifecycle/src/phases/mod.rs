//! One module per phase: load what earlier phases left, make one call, save the result.
pub(crate) mod analyze;
pub(crate) mod build;
pub(crate) mod create;
pub(crate) mod detect;
pub(crate) mod export;
mod load;
pub(crate) mod rebase;
pub(crate) mod restore;
