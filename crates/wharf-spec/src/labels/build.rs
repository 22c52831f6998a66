//! Label `io.buildpacks.build.metadata`.
use super::lifecycle::JsonTable;
use crate::{
    api::{CommandForm, PlatformFeatures},
    files::{group::GroupElement, launch::BomEntry, metadata::Process},
};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The label's value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildLabel {
    /// Deprecated bill of materials (Platform API < 0.9): [`bom_json`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bom: Option<serde_json::Value>,
    /// Buildpacks.
    pub buildpacks: Vec<BuildpackEntry>,
    /// Image extensions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<BuildpackEntry>,
    /// The launcher in the image.
    pub launcher: LauncherInfo,
    /// Processes; their command form depends on the Platform API.
    pub processes: Vec<ProcessEntry>,
    /// Default process type set by a buildpack.
    #[serde(
        rename = "buildpack-default-process-type",
        skip_serializing_if = "String::is_empty"
    )]
    pub buildpack_default_process_type: String,
}

/// A buildpack that took part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildpackEntry {
    /// Id.
    pub id: String,
    /// Version.
    pub version: String,
    /// Homepage.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub homepage: String,
    /// Buildpack API; empty before Platform API 0.11.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api: String,
}

impl BuildpackEntry {
    /// The entry for a member of the group.
    pub fn new(element: &GroupElement, features: &PlatformFeatures) -> Self {
        let api = features.buildpack_api_in_label.then(|| element.api.clone());
        Self {
            id: element.id.as_str().into(),
            version: element.version.clone(),
            homepage: element.homepage.clone(),
            api: api.unwrap_or_default(),
        }
    }
}

/// Version and source of the launcher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LauncherInfo {
    /// Version; equal to the lifecycle version of the builder.
    pub version: String,
    /// Source.
    pub source: LauncherSource,
}

/// Source of the launcher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LauncherSource {
    /// Git source.
    pub git: GitSource,
}

/// Git source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitSource {
    /// Repository.
    pub repository: String,
    /// Commit.
    pub commit: String,
}

/// A process in the label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessEntry {
    /// Type.
    pub r#type: String,
    /// A string or a list.
    pub command: serde_json::Value,
    /// Arguments.
    pub args: Vec<String>,
    /// Without a shell.
    pub direct: bool,
    /// The buildpack that defined it.
    #[serde(rename = "buildpackID")]
    pub buildpack_id: String,
    /// Working directory.
    #[serde(rename = "working-dir", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Execution environments.
    #[serde(rename = "exec-env", skip_serializing_if = "Vec::is_empty")]
    pub exec_env: Vec<String>,
}

impl ProcessEntry {
    /// The entry for a process in the given command form.
    pub fn new(process: &Process, form: CommandForm) -> Self {
        let words = || process.command.iter().cloned();
        Self {
            r#type: process.r#type.clone(),
            command: match form {
                CommandForm::Single => words().next().unwrap_or_default().into(),
                CommandForm::List => words().collect::<Vec<_>>().into(),
            },
            args: process.args.clone(),
            direct: process.direct,
            buildpack_id: process.buildpack_id.clone(),
            working_dir: process.working_dir.clone(),
            exec_env: process.exec_env.clone(),
        }
    }
}

/// A bill of materials as JSON: `null` when it is empty, as the reference lifecycle writes it.
pub fn bom_json(entries: &[BomEntry]) -> serde_json::Value {
    if entries.is_empty() {
        return serde_json::Value::Null;
    }
    entries.iter().map(entry_json).collect()
}

fn entry_json(entry: &BomEntry) -> serde_json::Value {
    let buildpack = entry.buildpack.clone().unwrap_or_default();
    let mut members = serde_json::Map::new();
    members.insert("name".into(), entry.name.as_str().into());
    if !entry.version.is_empty() {
        members.insert("version".into(), entry.version.as_str().into());
    }
    let metadata = serde_json::to_value(JsonTable::new(&entry.metadata));
    members.insert("metadata".into(), metadata.unwrap_or_default());
    members.insert(
        "buildpack".into(),
        serde_json::json!({ "id": buildpack.id, "version": buildpack.version }),
    );
    members.into()
}
