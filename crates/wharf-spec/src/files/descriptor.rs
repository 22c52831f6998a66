//! `buildpack.toml` (buildpack spec, "buildpack.toml").
use super::order::OrderGroup;
use crate::{id::BuildpackId, target::SupportedTarget};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Deserializer, Serialize};

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
    /// Execution environments this buildpack supports (Buildpack API 0.12+): a list of names, or the specification's
    /// `[[buildpack.exec-env]]` tables with a `name`.
    #[serde(default, deserialize_with = "names_or_tables")]
    pub exec_env: Vec<String>,
}

fn names_or_tables<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Name(String);
    impl<'de> Deserialize<'de> for Name {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Name;

                fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    f.write_str("a name, or a table with a name")
                }

                fn visit_str<E>(self, text: &str) -> Result<Name, E> {
                    Ok(Name(text.into()))
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Name, A::Error> {
                    #[derive(Deserialize)]
                    struct Table {
                        name: String,
                    }
                    Table::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                        .map(|table| Name(table.name))
                }
            }
            deserializer.deserialize_any(Visitor)
        }
    }
    let names = Vec::<Name>::deserialize(deserializer)?;
    Ok(names.into_iter().map(|name| name.0).collect())
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
