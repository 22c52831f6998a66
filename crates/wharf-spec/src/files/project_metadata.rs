//! `project-metadata.toml`: where the source came from; copied into a label.
use crate::labels::lifecycle::{Metadata, json_data};
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// The whole file, and the value of label `io.buildpacks.project.metadata`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectMetadata {
    /// The source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ProjectSource>,
}

/// `[source]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectSource {
    /// `git`, `image` …
    pub r#type: String,
    /// Version data.
    #[serde(
        skip_serializing_if = "Metadata::is_empty",
        serialize_with = "json_data"
    )]
    pub version: Metadata,
    /// More data.
    #[serde(
        skip_serializing_if = "Metadata::is_empty",
        serialize_with = "json_data"
    )]
    pub metadata: Metadata,
}
