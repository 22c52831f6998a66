//! `store.toml`: what a buildpack keeps from build to build.
use crate::labels::lifecycle::Metadata;
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Store {
    /// Free data.
    pub metadata: Metadata,
}
