//! `lifecycle.toml`: what a packed lifecycle says of itself to those who put it into builders (platform spec,
//! "Lifecycle"; read by pack and by `wharf builder create`).
use crate::api::{BuildpackApi, PlatformApi};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LifecycleDescriptor {
    /// One version of each API, for old readers.
    pub api: OldestApis,
    /// All versions.
    pub apis: Apis,
    /// The lifecycle itself.
    pub lifecycle: LifecycleInfo,
}

/// `[api]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OldestApis {
    /// Oldest Buildpack API.
    pub buildpack: String,
    /// Oldest Platform API.
    pub platform: String,
}

/// `[apis]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Apis {
    /// Buildpack APIs.
    pub buildpack: ApiVersions,
    /// Platform APIs.
    pub platform: ApiVersions,
}

/// Versions of one API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiVersions {
    /// Spoken, but not for much longer.
    pub deprecated: Vec<String>,
    /// Spoken.
    pub supported: Vec<String>,
}

/// `[lifecycle]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct LifecycleInfo {
    /// Version of the lifecycle.
    pub version: String,
    /// Media types of the SBOM files it takes.
    pub sbom_formats: Vec<String>,
}

impl LifecycleDescriptor {
    /// Of a lifecycle that speaks every API version of this crate.
    pub fn new(version: &str, sbom_formats: &[&str]) -> Self {
        let apis = Apis {
            buildpack: supported(BuildpackApi::ALL.map(BuildpackApi::as_str)),
            platform: supported(PlatformApi::ALL.map(PlatformApi::as_str)),
        };
        let oldest = |api: &ApiVersions| api.supported.first().cloned().unwrap_or_default();
        Self {
            api: OldestApis {
                buildpack: oldest(&apis.buildpack),
                platform: oldest(&apis.platform),
            },
            apis,
            lifecycle: LifecycleInfo {
                version: version.into(),
                sbom_formats: sbom_formats.iter().copied().map(String::from).collect(),
            },
        }
    }
}

fn supported<const N: usize>(versions: [&str; N]) -> ApiVersions {
    ApiVersions {
        deprecated: Vec::new(),
        supported: versions.map(String::from).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{encode::toml_text, files::parse};

    #[test]
    fn names_every_version_and_the_oldest_for_old_readers() {
        let descriptor = LifecycleDescriptor::new("1.2.3", &["application/spdx+json"]);
        let expected = r#"[api]
  buildpack = "0.7"
  platform = "0.7"

[apis]
  [apis.buildpack]
    deprecated = []
    supported = ["0.7", "0.8", "0.9", "0.10", "0.11", "0.12"]
  [apis.platform]
    deprecated = []
    supported = ["0.7", "0.8", "0.9", "0.10", "0.11", "0.12", "0.13", "0.14", "0.15"]

[lifecycle]
  version = "1.2.3"
  sbom-formats = ["application/spdx+json"]
"#;
        assert_eq!(toml_text(&descriptor).unwrap(), expected);
        assert_eq!(parse(expected), Ok(descriptor));
    }
}
