//! `<layer>.toml`: types and metadata of a layer.
use crate::labels::lifecycle::Metadata;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// The whole file. `types` is `None` when the table is absent, as in restored files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerContentMetadata {
    /// The `[types]` table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<LayerTypes>,
    /// Free metadata of the buildpack.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

/// What a layer is for. All false: the layer is ignored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerTypes {
    /// Available to the app at launch.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub launch: bool,
    /// Available to later buildpacks.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub build: bool,
    /// Kept for the next build.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub cache: bool,
}

/// The flags where old buildpacks put them; their presence at top level is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TopLevelFlags {
    /// `launch = …` outside `[types]`.
    pub launch: Option<bool>,
    /// `build = …` outside `[types]`.
    pub build: Option<bool>,
    /// `cache = …` outside `[types]`.
    pub cache: Option<bool>,
}

impl LayerContentMetadata {
    /// The types, all false when the table is absent.
    pub fn layer_types(&self) -> LayerTypes {
        self.types.unwrap_or_default()
    }
}

/// Suffix of the file that describes a layer.
pub const SUFFIX: &str = ".toml";

/// File name of the metadata of a layer.
pub fn file_name(layer: &str) -> String {
    alloc::format!("{layer}{SUFFIX}")
}
