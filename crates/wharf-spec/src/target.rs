//! Targets: what an image runs on and what a buildpack supports (Platform API 0.12+).
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The target of an image, as `analyzed.toml` records it under `run-image.target`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Target {
    /// Label `io.buildpacks.base.id`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Operating system, `linux`.
    pub os: String,
    /// Architecture in OCI spelling, `amd64`.
    pub arch: String,
    /// Architecture variant, `v8`.
    #[serde(
        rename = "arch-variant",
        alias = "variant",
        skip_serializing_if = "String::is_empty"
    )]
    pub arch_variant: String,
    /// Distribution, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distro: Option<Distro>,
}

/// A Linux distribution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Distro {
    /// `debian`.
    pub name: String,
    /// `12`.
    pub version: String,
}

/// The stack whose images say nothing of their distribution.
pub const BIONIC_STACK: &str = "io.buildpacks.stacks.bionic";

impl Distro {
    /// What the images of [`BIONIC_STACK`] are.
    pub fn bionic() -> Self {
        Self {
            name: "ubuntu".into(),
            version: "18.04".into(),
        }
    }
}

/// A `[[targets]]` entry of a buildpack. An empty field matches anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SupportedTarget {
    /// Operating system.
    pub os: String,
    /// Architecture.
    pub arch: String,
    /// Architecture variant.
    pub variant: String,
    /// Distributions; any of them matches.
    #[serde(alias = "distributions")]
    pub distros: Vec<Distro>,
}
