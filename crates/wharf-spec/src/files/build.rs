//! `build.toml`, written by `bin/build`.
use super::launch::BomEntry;
use alloc::{string::String, vec::Vec};
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Build {
    /// Requirements the buildpack did not meet.
    pub unmet: Vec<Unmet>,
    /// Deprecated bill of materials (Buildpack API < 0.7).
    pub bom: Vec<BomEntry>,
}

/// An unmet requirement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Unmet {
    /// Name from the buildpack plan.
    pub name: String,
}
