//! `system.toml`: buildpacks of the platform around every group (Platform API 0.15+).
use super::group::GroupElement;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct System {
    /// The only table.
    pub system: SystemBuildpacks,
}

/// Buildpacks before and after each group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemBuildpacks {
    /// Before.
    pub pre: Members,
    /// After.
    pub post: Members,
}

/// A list of members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Members {
    /// In order.
    pub buildpacks: Vec<GroupElement>,
}
