//! An image as a source lists it, and the trait of sources.
use std::collections::BTreeMap;
use wharf_image::{Image, Platform, image::target_of};
use wharf_rebase::Subject;
use wharf_spec::{digest::Digest, env_var, target::Target};

/// Everything under one digest of a repository.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// `registry/repository`.
    pub repository: String,
    /// Digest of the manifest or index; `None` when not even that could be read.
    pub digest: Option<Digest>,
    /// Tags, in any order.
    pub tags: Vec<String>,
    /// What it is.
    pub content: Content,
    /// When it was pushed (RFC 3339), when the source knows.
    pub pushed: Option<String>,
    /// When it was last pulled (RFC 3339), when the source knows.
    pub pulled: Option<String>,
}

/// What is under a digest.
#[derive(Debug, Clone)]
pub enum Content {
    /// An image.
    Image(Facts),
    /// An index of images.
    Index(Vec<Facts>),
    /// An artifact that is no image.
    Artifact,
    /// It cannot be read.
    Unreadable {
        /// Why, and who may help.
        why: String,
    },
}

/// What an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it runs on. A listing may not tell the variant; that is then left to apply.
    pub platform: Platform,
    /// Whether [`platform`](Self::platform) tells the variant.
    pub knows_variant: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// `CNB_PLATFORM_API` of its environment.
    pub platform_api: Option<String>,
    /// Digests of its layers with their bytes, lowest first; `None` when the source does not tell.
    pub layers: Option<Vec<(Digest, u64)>>,
}

impl Facts {
    /// Of an image at hand.
    pub fn of(image: &Image) -> Self {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let labels = image.labels().into_iter().flatten();
        Self {
            platform: image.platform(),
            knows_variant: true,
            labels: labels
                .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
                .collect(),
            platform_api: image.env(env_var::PLATFORM_API).map(str::to_owned),
            layers: Some(
                image
                    .layers()
                    .iter()
                    .map(|layer| (layer.descriptor.digest, layer.descriptor.size))
                    .collect(),
            ),
        }
    }
}

impl Subject for Facts {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    fn env(&self, name: &str) -> Option<&str> {
        let api = self.platform_api.as_deref();
        api.filter(|_| name == env_var::PLATFORM_API)
    }

    fn target(&self) -> Target {
        target_of(self.platform.clone(), &|name| self.label(name))
    }
}

/// Bytes a project may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Used.
    pub used: u64,
    /// The limit; `None` when there is none.
    pub limit: Option<u64>,
}

/// A source that cannot be listed at all.
#[derive(Debug, thiserror::Error)]
#[error("list {source_name}")]
pub struct ListError {
    /// Which.
    pub source_name: String,
    /// Why.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Where candidates come from.
pub trait Source {
    /// Gives every candidate to `each`, one after the other, so that not all have to be in memory. Parts that cannot be
    /// read are candidates, too.
    fn list(&self, each: &mut dyn FnMut(Candidate)) -> Result<(), ListError>;

    /// The quota of a project (`registry/project`), where the source knows.
    fn quota(&self, project: &str) -> Option<Quota> {
        let _ = project;
        None
    }
}

/// The project of a repository: registry and first component.
pub fn project_of(repository: &str) -> &str {
    let mut slashes = repository.match_indices('/').map(|(at, _)| at);
    match (slashes.next(), slashes.next()) {
        (Some(_), Some(second)) => &repository[..second],
        (Some(first), None) => &repository[..first],
        _ => repository,
    }
}

/// The registry of a repository.
pub fn registry_of(repository: &str) -> &str {
    repository.split('/').next().unwrap_or(repository)
}
