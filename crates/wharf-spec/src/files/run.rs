//! `run.toml`: run images and their mirrors (Platform API 0.12+).
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunImages {
    /// Run images; the first is the default.
    pub images: Vec<RunImageMetadata>,
}

/// A run image and its mirrors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunImageMetadata {
    /// Reference.
    pub image: String,
    /// Equivalent references.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<String>,
}
