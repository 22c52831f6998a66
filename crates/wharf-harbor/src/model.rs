//! The answers of the API. What is not needed is not kept; what is missing is `None` or empty.
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use wharf_spec::digest::Digest;

/// A project: the first component of a repository's name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// Number.
    #[serde(rename = "project_id")]
    pub id: u64,
    /// Name.
    pub name: String,
    /// Repositories in it.
    #[serde(default)]
    pub repo_count: u64,
    /// The registry it is a proxy of.
    #[serde(default)]
    pub registry_id: Option<u64>,
    /// `public`, `auto_scan`, `prevent_vul`, `retention_id` …, as texts.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

impl Project {
    /// Whether anybody may pull from it.
    pub fn is_public(&self) -> bool {
        self.metadata
            .get("public")
            .is_some_and(|value| value == "true")
    }

    /// Whether it is a proxy, which takes no pushes.
    pub fn is_proxy(&self) -> bool {
        self.registry_id.is_some_and(|id| id > 0)
    }
}

/// How much a project may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// As much as there is room for.
    Unlimited,
    /// Bytes.
    Bytes(u64),
}

/// Limit and use of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The limit.
    pub limit: Limit,
    /// Bytes in use: each blob of the project once, manifests and configs included.
    pub used: u64,
}

impl Quota {
    /// From Harbor's resource lists; `None` where they say nothing of storage.
    pub(crate) fn from_lists(
        hard: &BTreeMap<String, i64>,
        used: &BTreeMap<String, i64>,
    ) -> Option<Self> {
        let limit = match hard.get("storage")? {
            -1 => Limit::Unlimited,
            bytes => Limit::Bytes(u64::try_from(*bytes).ok()?),
        };
        let used = u64::try_from(*used.get("storage")?).ok()?;
        Some(Self { limit, used })
    }
}

/// A project at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Repositories in it.
    pub repo_count: u64,
    /// Its quota; unknown where the account lacks `quota:read` or quotas are turned off.
    pub quota: crate::Known<Quota>,
}

/// The quota of a project, as administrators list them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectQuota {
    /// Number of the quota.
    pub id: u64,
    /// Name of the project; `None` for a quota of something else.
    pub project: Option<String>,
    /// Limit and use; `None` where they say nothing of storage.
    pub quota: Option<Quota>,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// Name with the project.
    pub name: String,
    /// Artifacts in it.
    #[serde(default)]
    pub artifact_count: u64,
    /// RFC 3339.
    #[serde(default)]
    pub creation_time: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub update_time: Option<String>,
}

impl Repository {
    /// Project and the name within it.
    pub fn split(&self) -> Option<(&str, &str)> {
        self.name.split_once('/')
    }
}

/// What a digest in a repository stands for: an image, an index, a signature …
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Artifact {
    /// Digest of the manifest.
    pub digest: Digest,
    /// Name of its repository with the project; only in listings of projects, and there by newer versions only.
    #[serde(default)]
    pub repository_name: Option<String>,
    /// `IMAGE`, `SBOM` …
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Bytes of manifest, config and layers; those shared with other artifacts included.
    #[serde(default)]
    pub size: u64,
    /// Media type of the config.
    #[serde(default)]
    pub media_type: String,
    /// Media type of the manifest.
    #[serde(default)]
    pub manifest_media_type: String,
    /// RFC 3339.
    #[serde(default)]
    pub push_time: Option<String>,
    /// RFC 3339; 0001-01-01 stands for "never".
    #[serde(default)]
    pub pull_time: Option<String>,
    /// Tags on it.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<Tag>,
    /// Labels on it.
    #[serde(default, deserialize_with = "or_default")]
    pub labels: Vec<Label>,
    /// What refers to it: signatures, SBOMs …
    #[serde(default, deserialize_with = "or_default")]
    pub accessories: Vec<Accessory>,
    /// Entries of an index.
    #[serde(default, deserialize_with = "or_default")]
    pub references: Vec<Child>,
    /// Annotations of the manifest.
    #[serde(default, deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
    /// What Harbor took from the config.
    #[serde(default, deserialize_with = "or_default")]
    pub extra_attrs: ExtraAttributes,
}

impl Artifact {
    /// The image config's `config`: `Labels`, `Env`, `Entrypoint` …
    pub fn config(&self) -> Option<&serde_json::Map<String, serde_json::Value>> {
        self.extra_attrs.config.as_ref()
    }

    /// A label of the image config.
    pub fn config_label(&self, name: &str) -> Option<&str> {
        self.config()?.get("Labels")?.get(name)?.as_str()
    }
}

/// Parts of an image config.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ExtraAttributes {
    /// Architecture.
    #[serde(default)]
    pub architecture: Option<String>,
    /// Operating system.
    #[serde(default)]
    pub os: Option<String>,
    /// Time of creation as the image has it.
    #[serde(default)]
    pub created: Option<String>,
    /// The object `config` of the config.
    #[serde(default)]
    pub config: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    /// Name.
    pub name: String,
    /// RFC 3339.
    #[serde(default)]
    pub push_time: Option<String>,
    /// Whether a rule forbids changing it; only where it was asked for.
    #[serde(default)]
    pub immutable: bool,
}

/// A label of Harbor, not of an image config.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// Number.
    pub id: u64,
    /// Name.
    pub name: String,
}

/// An artifact that refers to another one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Accessory {
    /// Its digest.
    pub digest: Digest,
    /// `signature.cosign`, `subject.accessory` …
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Bytes.
    #[serde(default)]
    pub size: u64,
}

/// An entry of an index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Child {
    /// Its digest.
    #[serde(rename = "child_digest")]
    pub digest: Digest,
}

/// The state of Harbor's components.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// `healthy` or `unhealthy`.
    pub status: String,
    /// Each component.
    #[serde(default)]
    pub components: Vec<Component>,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Component {
    /// `core`, `registry`, `jobservice` …
    pub name: String,
    /// `healthy` or `unhealthy`.
    pub status: String,
}

/// A rule that protects tags.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ImmutableRule {
    /// Number.
    pub id: u64,
    /// Patterns of tags.
    #[serde(default)]
    pub tag_selectors: Vec<Selector>,
}

/// A pattern of names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Selector {
    /// With `*` and `**`.
    #[serde(default)]
    pub pattern: String,
}

/// Harbor writes `null` for lists and objects that are empty.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
