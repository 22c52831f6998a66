//! `analyzed.toml`: what the analyzer found (platform spec, "Data Format > analyzed.toml").
use crate::{
    labels::lifecycle::{LifecycleMetadata, toml_form},
    target::Target,
};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Analyzed {
    /// The previous image; `None` when there is none.
    #[serde(
        rename = "image",
        alias = "previous-image",
        skip_serializing_if = "Option::is_none"
    )]
    pub previous_image: Option<ImageIdentifier>,
    /// Lifecycle metadata of the previous image.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "toml_form")]
    pub metadata: Option<LifecycleMetadata>,
    /// The run image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_image: Option<RunImage>,
    /// The build image, when it is to be extended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_image: Option<ImageIdentifier>,
}

/// A digest reference (registry) or a path (layout).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageIdentifier {
    /// `registry/repository@sha256:…`.
    pub reference: String,
    /// wharf's own: the name of a previous image that is not what the first tag of the build held, as with
    /// `-previous-image`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
}

/// The run image of this build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunImage {
    /// Digest reference.
    pub reference: String,
    /// The name it was asked for by (Platform API 0.12+).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Whether extensions extend it.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub extend: bool,
    /// Its target (Platform API 0.12+).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Mirrors; kept only in memory of readers of older files.
    #[serde(skip_serializing)]
    pub mirrors: Vec<String>,
}

impl Analyzed {
    /// The previous image, when there is one: the reference lifecycle writes an empty reference for none.
    pub fn previous_reference(&self) -> Option<&str> {
        self.previous_image
            .as_ref()
            .map(|image| image.reference.as_str())
            .filter(|reference| !reference.is_empty())
    }
}
