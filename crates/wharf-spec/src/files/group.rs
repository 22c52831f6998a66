//! `group.toml`: the detected group.
use crate::id::BuildpackId;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Group {
    /// Buildpacks in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<GroupElement>,
    /// Image extensions in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_extensions: Vec<GroupElement>,
}

/// One member of a group, in `group.toml`, `order.toml`, `metadata.toml`, `plan.toml` and composite buildpacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupElement {
    /// Buildpack or extension id.
    pub id: BuildpackId,
    /// Version; empty in an order means "the only one there is".
    #[serde(default)]
    pub version: String,
    /// Buildpack API, as text so that an unknown one can be reported.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api: String,
    /// Homepage.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub homepage: String,
    /// Whether this is an image extension (`plan.toml`, and orders of older platforms).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub extension: bool,
    /// Whether detection may go on without it (orders only).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub optional: bool,
    /// Execution environments the entry is meant for (orders of Buildpack API 0.12+ composites).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exec_env: Vec<String>,
}
