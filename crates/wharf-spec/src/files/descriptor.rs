//! `buildpack.toml` (buildpack spec, "buildpack.toml").
use super::order::OrderGroup;
use crate::{id::BuildpackId, target::SupportedTarget};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Only the API, so that an unsupported file is refused before its other fields are judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ApiOnly {
    /// Buildpack API as text; empty when missing.
    pub api: String,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildpackDescriptor {
    /// Buildpack API as text.
    pub api: String,
    /// Identity.
    pub buildpack: BuildpackInfo,
    /// Groups of a composite buildpack.
    #[serde(default)]
    pub order: Vec<OrderGroup>,
    /// Supported targets (Buildpack API 0.10+).
    #[serde(default)]
    pub targets: Vec<SupportedTarget>,
    /// Supported stacks (deprecated).
    #[serde(default)]
    pub stacks: Vec<SupportedStack>,
}

/// `[buildpack]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuildpackInfo {
    /// Id.
    pub id: BuildpackId,
    /// Version.
    pub version: String,
    /// Human name.
    #[serde(default)]
    pub name: String,
    /// Homepage.
    #[serde(default)]
    pub homepage: String,
    /// Whether user-provided variables are kept from the process environment.
    #[serde(default)]
    pub clear_env: bool,
    /// Media types of SBOM files this buildpack writes.
    #[serde(default)]
    pub sbom_formats: Vec<String>,
    /// Execution environments this buildpack supports (Buildpack API 0.12+).
    #[serde(default)]
    pub exec_env: Vec<String>,
}

/// A `[[stacks]]` entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SupportedStack {
    /// Stack id, `*` for any.
    pub id: String,
    /// Required mixins.
    pub mixins: Vec<String>,
}
