//! The plan: what would be done to each image, and why.
//!
//! A plan is a JSON file that people read, review and may cut down. It carries a digest of itself, so that apply can tell
//! whether somebody changed it since.
mod file;
pub mod html;
mod make;
mod order;
pub mod table;

pub use make::make;
pub(crate) use order::is_meant;
pub use order::{Order, OrderBy};

use crate::{pattern::Pattern, verdict::Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wharf_spec::digest::Digest;

/// The word that says what a file is.
pub const SCHEMA: &str = "wharf-fleet-plan";
/// The version this code writes and reads.
pub const VERSION: u64 = 1;

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`].
    pub version: u64,
    /// When it was made, if somebody wanted to know; plans of the same state are equal without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// The new base.
    pub run_image: RunImage,
    /// The bases that are replaced; empty means all.
    pub from: Vec<String>,
    /// Counts and bytes.
    pub totals: Totals,
    /// What it means for each project.
    pub projects: Vec<Project>,
    /// Every image, in the order of work.
    pub images: Vec<PlannedImage>,
    /// Digest of all of the above.
    pub digest: String,
}

/// The new base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunImage {
    /// The name that was given.
    pub reference: String,
    /// What it stood for.
    pub digest: Digest,
    /// Its images by platform.
    pub platforms: BTreeMap<String, BaseImage>,
}

/// An image of the new base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseImage {
    /// Digest of its manifest.
    pub digest: Digest,
    /// Diff ID of its uppermost layer.
    pub top_layer: String,
    /// Layers.
    pub layers: usize,
    /// Bytes of its layers.
    pub bytes: u64,
}

/// Counts and bytes of all projects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Totals {
    /// All images.
    pub images: usize,
    /// All tags.
    pub tags: usize,
    /// By verdict.
    pub verdicts: BTreeMap<Verdict, usize>,
    /// Layers that are mounted.
    pub mounts: usize,
    /// Bytes that are copied because another registry has them, at most.
    pub copy_bytes: u64,
    /// Bytes that quotas must have room for, at most.
    pub quota_bytes: u64,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Project {
    /// `registry/project`.
    pub name: String,
    /// Images to rebase.
    pub rebase: usize,
    /// Bytes its quota must have room for, at most: layers of the new base once, and configs and manifests.
    pub needs_bytes: u64,
    /// Bytes used, when the source knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_bytes: Option<u64>,
    /// Bytes allowed, when there is a limit and the source knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// Whether the quota has room.
    pub fits: bool,
}

/// An image of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedImage {
    /// `registry/repository`.
    pub repository: String,
    /// What was found; empty when nothing could be read.
    pub digest: String,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why.
    pub why: String,
    /// The base it stands on.
    pub from: String,
    /// Layers of the new base that are new to it.
    pub new_layers: usize,
    /// Bytes of them that must be copied from another registry; 0 when they can be mounted.
    pub copy_bytes: u64,
    /// When it was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed: Option<String>,
    /// When it was last pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulled: Option<String>,
}

impl PlannedImage {
    /// `registry/repository@digest`.
    pub fn key(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// For people: with the first tag.
    pub fn name(&self) -> String {
        match self.tags.as_slice() {
            [] => self.key(),
            [tag] => format!("{}:{tag}", self.repository),
            [tag, more @ ..] => format!("{}:{tag} (+{})", self.repository, more.len()),
        }
    }
}

/// How a plan is made.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// Repositories (`registry/repository`) that are looked at; empty means all.
    pub only: Vec<Pattern>,
    /// Tags that are looked at; empty means all. An image none of whose tags match is left out.
    pub tags: Vec<Pattern>,
    /// Tags that do not count, such as those that apply leaves on what it replaced.
    pub except: Vec<Pattern>,
    /// Whether images without tags are listed: every build leaves one in Harbor.
    pub untagged: bool,
    /// The order of work.
    pub order: Order,
    /// When it is made.
    pub made: Option<String>,
}

/// A plan that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not JSON, or not a plan.
    #[error("parse the plan")]
    Json(#[from] serde_json::Error),
    /// It is something else.
    #[error("it is not a plan: its schema is '{0}'")]
    Schema(String),
    /// Another version wrote it.
    #[error(
        "it is a plan of version {0}, this is for version {VERSION}; make it again with 'wharf rebase plan'"
    )]
    Version(u64),
    /// Somebody changed it.
    #[error(
        "the plan was changed after it was made: it has digest {actual} where it says {expected}; --accept-edited takes it as it is"
    )]
    Edited {
        /// What it says.
        expected: String,
        /// What it has.
        actual: String,
    },
    /// It names one image twice.
    #[error("the plan names '{0}' twice")]
    Twice(String),
    /// It names something that is no image.
    #[error("the plan names '{name}'")]
    Reference {
        /// What it names.
        name: String,
        /// Why that is none.
        #[source]
        source: wharf_spec::reference::ReferenceError,
    },
    /// A policy does not allow the base.
    #[error(transparent)]
    Forbidden(#[from] crate::policy::Refusal),
    /// A source failed as a whole.
    #[error(transparent)]
    List(#[from] crate::candidate::ListError),
}
