//! Label `io.buildpacks.lifecycle.metadata`, and the metadata of a cache.
use crate::{digest::Digest, files::run::RunImageMetadata};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};
use toml::{Table, Value};

/// Free metadata of a buildpack: a TOML table with sorted keys.
///
/// Integers stay integers through labels and back; dates become strings in JSON, which has none.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Metadata(Table);

impl Metadata {
    /// Sorts the keys of `table` at every level.
    pub fn new(table: Table) -> Self {
        Self(sorted(table))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(
            Option::<Table>::deserialize(deserializer)?.unwrap_or_default(),
        ))
    }
}

fn sorted(table: Table) -> Table {
    let ordered: BTreeMap<String, Value> = table
        .into_iter()
        .map(|(key, value)| (key, sorted_value(value)))
        .collect();
    ordered.into_iter().collect()
}

fn sorted_value(value: Value) -> Value {
    match value {
        Value::Table(table) => Value::Table(sorted(table)),
        Value::Array(items) => Value::Array(items.into_iter().map(sorted_value).collect()),
        other => other,
    }
}

/// Serializes metadata into JSON: `null` when empty, dates as strings.
pub(crate) fn json_data<S: Serializer>(data: &Metadata, serializer: S) -> Result<S::Ok, S::Error> {
    if data.is_empty() {
        serializer.serialize_none()
    } else {
        JsonTable(&data.0).serialize(serializer)
    }
}

/// Like [`json_data`] for metadata that is left out when empty.
pub(crate) struct JsonTable<'a>(&'a Table);

impl<'a> JsonTable<'a> {
    pub(crate) fn new(data: &'a Metadata) -> Self {
        Self(&data.0)
    }
}

impl Serialize for JsonTable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, &JsonValue(value))?;
        }
        map.end()
    }
}

struct JsonValue<'a>(&'a Value);

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Table(table) => JsonTable(table).serialize(serializer),
            Value::Array(items) => serializer.collect_seq(items.iter().map(JsonValue)),
            Value::Datetime(date) => serializer.serialize_str(&date.to_string()),
            other => other.serialize(serializer),
        }
    }
}

/// The label's value. `analyzed.toml` holds the same value with TOML names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LifecycleMetadata {
    /// Execution environment of the build; empty before Platform API 0.15.
    #[serde(rename = "exec-env", skip_serializing_if = "String::is_empty")]
    pub exec_env: String,
    /// App slices in order.
    pub app: Vec<LayerSha>,
    /// Launch SBOM layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sbom: Option<LayerSha>,
    /// Buildpacks in group order.
    pub buildpacks: Vec<BuildpackLayers>,
    /// Config layer.
    pub config: LayerSha,
    /// Launcher layer.
    pub launcher: LayerSha,
    /// Process types layer; an empty digest when there are no processes.
    #[serde(rename = "process-types")]
    pub process_types: LayerSha,
    /// Run image.
    #[serde(rename = "runImage", alias = "run-image")]
    pub run_image: RunImageInfo,
    /// Run image once more, for readers of older APIs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackInfo>,
}

/// The diff ID of a layer; empty text when there is no such layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerSha {
    /// `sha256:…` or empty.
    pub sha: String,
}

impl LayerSha {
    /// Of a layer.
    pub fn new(diff_id: Digest) -> Self {
        Self {
            sha: diff_id.to_string(),
        }
    }

    /// The diff ID, when there is one.
    pub fn diff_id(&self) -> Option<Digest> {
        self.sha.parse().ok()
    }
}

/// The layers one buildpack contributed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildpackLayers {
    /// Buildpack id.
    pub key: String,
    /// Buildpack version.
    pub version: String,
    /// By layer name.
    pub layers: BTreeMap<String, LayerMetadata>,
    /// `store.toml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreMetadata>,
}

/// `store.toml` in a label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreMetadata {
    /// Free data.
    #[serde(alias = "data", serialize_with = "json_data")]
    pub metadata: Metadata,
}

/// One layer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LayerMetadata {
    /// Diff ID; empty for layers without content.
    pub sha: String,
    /// Metadata of the buildpack.
    #[serde(alias = "metadata", serialize_with = "json_data")]
    pub data: Metadata,
    /// Available to later buildpacks.
    pub build: bool,
    /// Available at launch.
    pub launch: bool,
    /// Cached.
    pub cache: bool,
}

/// The run image the app stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunImageInfo {
    /// Diff ID of its uppermost layer.
    #[serde(rename = "topLayer", alias = "top-layer")]
    pub top_layer: String,
    /// Digest reference.
    pub reference: String,
    /// Name (Platform API 0.12+).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Mirrors (Platform API 0.12+).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<String>,
}

/// The run image as older readers look for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StackInfo {
    /// Run image.
    #[serde(rename = "runImage", alias = "run-image")]
    pub run_image: RunImageMetadata,
}

/// Metadata of a cache directory or image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheMetadata {
    /// Cached SBOM layer; written even when there is none.
    pub sbom: LayerSha,
    /// Buildpacks in group order.
    pub buildpacks: Vec<BuildpackLayers>,
}

/// Serializes lifecycle metadata with the names `analyzed.toml` uses.
#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(crate) fn toml_form<S: Serializer>(
    metadata: &Option<LifecycleMetadata>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let table = metadata.as_ref().map(toml_table).transpose();
    table
        .map_err(|error| serde::ser::Error::custom(format!("{error}")))?
        .serialize(serializer)
}

fn toml_table(metadata: &LifecycleMetadata) -> Result<Table, toml::ser::Error> {
    let mut table = Table::new();
    let sha = |layer: &LayerSha| {
        Value::Table(Table::from_iter([(
            "sha".to_string(),
            Value::String(layer.sha.clone()),
        )]))
    };
    let mut put = |key: &str, value: Value| table.insert(key.to_string(), value);
    if !metadata.app.is_empty() {
        put("app", Value::Array(metadata.app.iter().map(sha).collect()));
    }
    if let Some(sbom) = &metadata.sbom {
        put("sbom", sha(sbom));
    }
    if !metadata.buildpacks.is_empty() {
        let buildpacks = metadata.buildpacks.iter().map(toml_buildpack);
        put("buildpacks", Value::Array(buildpacks.collect()));
    }
    put("config", sha(&metadata.config));
    put("launcher", sha(&metadata.launcher));
    put("process-types", sha(&metadata.process_types));
    let mut run_image = Table::try_from(&metadata.run_image)?;
    rename(&mut run_image, "topLayer", "top-layer");
    put("run-image", Value::Table(run_image));
    if let Some(stack) = &metadata.stack {
        let mut stack = Table::try_from(stack)?;
        rename(&mut stack, "runImage", "run-image");
        put("stack", Value::Table(stack));
    }
    Ok(table)
}

fn toml_buildpack(buildpack: &BuildpackLayers) -> Value {
    let mut layers = Table::new();
    for (name, layer) in &buildpack.layers {
        let mut table = Table::new();
        table.insert("sha".into(), Value::String(layer.sha.clone()));
        table.insert("build".into(), Value::Boolean(layer.build));
        table.insert("launch".into(), Value::Boolean(layer.launch));
        table.insert("cache".into(), Value::Boolean(layer.cache));
        if !layer.data.is_empty() {
            table.insert("metadata".into(), Value::Table(layer.data.table().clone()));
        }
        layers.insert(name.clone(), Value::Table(table));
    }
    let mut table = Table::new();
    table.insert("key".into(), Value::String(buildpack.key.clone()));
    table.insert("version".into(), Value::String(buildpack.version.clone()));
    table.insert("layers".into(), Value::Table(layers));
    if let Some(store) = &buildpack.store {
        let metadata = Value::Table(store.metadata.table().clone());
        table.insert(
            "store".into(),
            Value::Table(Table::from_iter([("metadata".to_string(), metadata)])),
        );
    }
    Value::Table(table)
}

/// Renames a key and keeps its place.
fn rename(table: &mut Table, from: &str, to: &str) {
    *table = core::mem::take(table)
        .into_iter()
        .map(|(key, value)| (if key == from { to.to_string() } else { key }, value))
        .collect();
}
