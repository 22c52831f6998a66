//! `report.toml`: the result of export and rebase. Platforms find the digest by grepping for the word
//! "digest", so no other key may contain it.
use super::launch::BomEntry;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Deprecated build bill of materials (Platform API < 0.9).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildReport>,
    /// The image.
    pub image: ImageReport,
}

/// `[image]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ImageReport {
    /// Every tag that was written.
    pub tags: Vec<String>,
    /// Image id (daemon only).
    #[serde(rename = "image-id", skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// Manifest digest.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Size of the manifest in bytes.
    #[serde(skip_serializing_if = "is_zero")]
    pub manifest_size: u64,
    /// Platforms of an index that a rebase left as they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchanged: Vec<String>,
    /// Tags that somebody else wrote since the build began, and that this image replaced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<MovedTag>,
}

/// A tag that somebody else wrote meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedTag {
    /// The tag.
    pub tag: String,
    /// What it held when the build began; empty for nothing.
    pub before: String,
    /// What it held when it was replaced; empty for nothing.
    pub now: String,
}

/// `[build]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildReport {
    /// Entries.
    pub bom: Vec<BomEntry>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
