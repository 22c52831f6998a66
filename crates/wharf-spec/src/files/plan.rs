//! `plan.toml`, the build plan `bin/detect` writes, and the buildpack plan `bin/build` reads.
use super::group::GroupElement;
use crate::labels::lifecycle::Metadata;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// `plan.toml`: who provides what for whom.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Resolved dependencies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<PlanEntry>,
}

/// One resolved dependency.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanEntry {
    /// Providers in group order; only id, version and extension are set.
    pub providers: Vec<GroupElement>,
    /// Requirements in group order.
    pub requires: Vec<Require>,
}

/// One requirement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Require {
    /// Name of the dependency.
    pub name: String,
    /// Deprecated version, merged into the metadata by readers of old plans.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Free metadata for the provider.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

/// A requirement with a version in both places.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("requirement '{name}' has both 'version' and 'metadata.version'; keep 'metadata.version'")]
pub struct DoubleVersion {
    /// Name of the dependency.
    pub name: String,
}

impl Require {
    /// Moves the deprecated `version` to `metadata.version`, where buildpacks look for it.
    pub fn with_version_in_metadata(self) -> Result<Self, DoubleVersion> {
        if self.version.is_empty() {
            return Ok(self);
        }
        let mut table = self.metadata.table().clone();
        if table.contains_key("version") {
            return Err(DoubleVersion { name: self.name });
        }
        table.insert("version".into(), self.version.into());
        Ok(Self {
            name: self.name,
            version: String::new(),
            metadata: Metadata::new(table),
        })
    }
}

/// What `bin/detect` writes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildPlan {
    /// Provided names.
    pub provides: Vec<Provide>,
    /// Required names.
    pub requires: Vec<Require>,
    /// Alternatives, tried in order after the main section.
    pub or: Vec<BuildPlanSection>,
}

/// An alternative of a build plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildPlanSection {
    /// Provided names.
    pub provides: Vec<Provide>,
    /// Required names.
    pub requires: Vec<Require>,
}

/// One provided name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provide {
    /// The name.
    pub name: String,
}

/// What `bin/build` reads: the requirements this buildpack is to meet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildpackPlan {
    /// Requirements in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Require>,
}
