//! `launch.toml`, written by `bin/build`; processes are shared with `metadata.toml`.
use crate::labels::lifecycle::Metadata;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Deserializer, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Launch {
    /// Processes.
    pub processes: Vec<LaunchProcess>,
    /// App slices.
    pub slices: Vec<Slice>,
    /// Image labels.
    pub labels: Vec<Label>,
    /// Deprecated bill of materials (Buildpack API < 0.7).
    pub bom: Vec<BomEntry>,
}

/// A process as a buildpack writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct LaunchProcess {
    /// Process type; checked by the build phase.
    pub r#type: String,
    /// Command; one element when written as a string (Buildpack API < 0.9).
    pub command: Command,
    /// Arguments.
    pub args: Vec<String>,
    /// Without a shell (Buildpack API < 0.9; must be absent later).
    pub direct: Option<bool>,
    /// Whether this is the default process.
    pub default: bool,
    /// Working directory.
    #[serde(alias = "working-directory")]
    pub working_dir: String,
    /// Execution environments (Buildpack API 0.12+).
    pub exec_env: Vec<String>,
}

/// A command in either form: one string or a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// The words.
    pub words: Vec<String>,
    /// Whether it was written as a list.
    pub is_list: bool,
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Command;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<Command, E> {
                let words = if text.is_empty() {
                    Vec::new()
                } else {
                    alloc::vec![text.into()]
                };
                Ok(Command {
                    words,
                    is_list: false,
                })
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Command, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = seq.next_element()? {
                    words.push(word);
                }
                Ok(Command {
                    words,
                    is_list: true,
                })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Paths of the app that become a layer of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slice {
    /// Globs relative to the app directory.
    pub paths: Vec<String>,
}

/// A label of the app image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
}

/// A deprecated bill-of-materials entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BomEntry {
    /// Name.
    pub name: String,
    /// Version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Metadata.
    pub metadata: Metadata,
    /// The buildpack that wrote it; added by the lifecycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buildpack: Option<BomBuildpack>,
}

/// Who wrote a bill-of-materials entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BomBuildpack {
    /// Id.
    pub id: String,
    /// Version.
    pub version: String,
}
