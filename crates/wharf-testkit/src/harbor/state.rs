//! Projects, repositories, artifacts, blobs.
use super::{
    account::Account, quota::UNLIMITED, scale::Maker, strict::Strict, token::Token,
    traffic::Traffic,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use wharf_spec::digest::Digest;

/// Everything there is.
pub(crate) struct State {
    pub(crate) accounts: Vec<Account>,
    pub(crate) projects: BTreeMap<String, Project>,
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) blobs: HashMap<Digest, Blob>,
    pub(crate) uploads: BTreeMap<u64, Upload>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) labels: BTreeMap<u64, (u64, String)>,
    pub(crate) traffic: Traffic,
    pub(crate) strict: Strict,
    pub(crate) read_only: bool,
    last_id: u64,
}

/// A project.
#[derive(Debug, Default)]
pub(crate) struct Project {
    pub(crate) id: u64,
    pub(crate) public: bool,
    pub(crate) proxy: bool,
    /// Bytes; -1 for none.
    pub(crate) limit: i64,
    pub(crate) used: u64,
    /// Set aside for uploads under way.
    pub(crate) reserved: u64,
    /// Blobs that count.
    pub(crate) blobs: HashSet<Digest>,
    /// Patterns of repositories and tags that must not change.
    pub(crate) immutable: Vec<Option<(String, String)>>,
    /// Manifests that must not be pulled.
    pub(crate) blocked: BTreeSet<Digest>,
}

/// A repository.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    /// Blobs that can be read here.
    pub(crate) links: HashSet<Digest>,
    /// By number, which grows with time.
    pub(crate) artifacts: BTreeMap<u64, Artifact>,
    pub(crate) by_digest: HashMap<Digest, u64>,
    pub(crate) tags: BTreeMap<String, Digest>,
    pub(crate) created: u64,
}

/// A manifest.
#[derive(Debug, Clone)]
pub(crate) struct Artifact {
    pub(crate) digest: Digest,
    pub(crate) content: Content,
    pub(crate) media_type: String,
    pub(crate) config_media_type: String,
    pub(crate) kind: Option<String>,
    /// Bytes of manifest, config and layers.
    pub(crate) size: u64,
    /// Config and layers.
    pub(crate) blobs: Vec<Digest>,
    pub(crate) config: Option<Digest>,
    /// Entries of an index.
    pub(crate) children: Vec<Digest>,
    pub(crate) subject: Option<Digest>,
    pub(crate) annotations: serde_json::Value,
    /// Seconds since 1970.
    pub(crate) pushed: u64,
    pub(crate) tags: Vec<(String, u64)>,
    pub(crate) labels: BTreeSet<u64>,
}

/// A blob, as Harbor's table and the registry behind it know it.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) size: u64,
    pub(crate) content: Content,
    /// Being removed by the garbage collector.
    pub(crate) deleting: bool,
}

/// Bytes.
#[derive(Clone)]
pub(crate) enum Content {
    /// Held.
    Held(Arc<Vec<u8>>),
    /// Made when they are read: the manifest or the config of a fabricated image.
    Made {
        maker: Arc<Maker>,
        index: u64,
        config: bool,
    },
    /// A size without bytes.
    Absent,
}

impl Content {
    /// The bytes; `None` when there are none.
    pub(crate) fn bytes(&self) -> Option<Arc<Vec<u8>>> {
        match self {
            Self::Held(bytes) => Some(bytes.clone()),
            Self::Made {
                maker,
                index,
                config,
            } => {
                let image = maker(*index);
                Some(Arc::new(if *config {
                    image.config
                } else {
                    image.manifest
                }))
            }
            Self::Absent => None,
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Held(_) => "Held",
            Self::Made { .. } => "Made",
            Self::Absent => "Absent",
        })
    }
}

/// An upload under way.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) repository: String,
    pub(crate) received: Vec<u8>,
    /// Changes with each piece.
    pub(crate) step: u64,
    pub(crate) patched: bool,
}

impl State {
    pub(crate) fn new(accounts: Vec<Account>) -> Self {
        Self {
            accounts,
            projects: BTreeMap::new(),
            repositories: BTreeMap::new(),
            blobs: HashMap::new(),
            uploads: BTreeMap::new(),
            tokens: HashMap::new(),
            labels: BTreeMap::new(),
            traffic: Traffic::default(),
            strict: Strict::default(),
            read_only: false,
            last_id: 0,
        }
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn add_project(&mut self, name: &str) -> &mut Project {
        let id = self.next_id();
        self.projects
            .entry(name.to_owned())
            .or_insert_with(|| Project {
                id,
                limit: UNLIMITED,
                ..Project::default()
            })
    }

    pub(crate) fn project_of(&mut self, repository: &str) -> Option<&mut Project> {
        self.projects.get_mut(project_name(repository))
    }

    pub(crate) fn repository(&mut self, name: &str) -> &mut Repository {
        let id = self.next_id();
        self.repositories
            .entry(name.to_owned())
            .or_insert_with(|| Repository {
                id,
                created: now(),
                ..Repository::default()
            })
    }

    /// Counts `digest` in the project of `repository` and makes it readable there.
    pub(crate) fn link(&mut self, repository: &str, digest: Digest) {
        self.repository(repository).links.insert(digest);
        let size = self.size_of(digest);
        if let Some(project) = self.project_of(repository) {
            project.associate(digest, size);
        }
    }

    pub(crate) fn size_of(&self, digest: Digest) -> u64 {
        self.blobs.get(&digest).map_or(0, |blob| blob.size)
    }

    pub(crate) fn artifact(&self, repository: &str, reference: &str) -> Option<&Artifact> {
        let repository = self.repositories.get(repository)?;
        let digest = match reference.parse() {
            Ok(digest) => digest,
            Err(_) => *repository.tags.get(reference)?,
        };
        repository.artifacts.get(repository.by_digest.get(&digest)?)
    }

    pub(crate) fn catalog(&self) -> serde_json::Value {
        json!({"repositories": self.repositories.keys().collect::<Vec<_>>()})
    }
}

impl Repository {
    /// Puts `tag` on an artifact, away from any other.
    pub(crate) fn set_tag(&mut self, tag: &str, digest: Digest) {
        if self.tags.get(tag) == Some(&digest) {
            return;
        }
        self.remove_tag(tag);
        self.tags.insert(tag.to_owned(), digest);
        if let Some(artifact) = self.artifact_mut(digest) {
            artifact.tags.push((tag.to_owned(), now()));
        }
    }

    pub(crate) fn remove_tag(&mut self, tag: &str) -> bool {
        let Some(digest) = self.tags.remove(tag) else {
            return false;
        };
        if let Some(artifact) = self.artifact_mut(digest) {
            artifact.tags.retain(|(name, _)| name != tag);
        }
        true
    }

    pub(crate) fn artifact_mut(&mut self, digest: Digest) -> Option<&mut Artifact> {
        self.artifacts.get_mut(self.by_digest.get(&digest)?)
    }
}

pub(crate) fn project_name(repository: &str) -> &str {
    repository.split('/').next().unwrap_or_default()
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Whether `text` fits a pattern in which `*` and `**` stand for anything.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => {
            let rest = rest.trim_start_matches('*');
            text.strip_prefix(start).is_some_and(|text| {
                (0..=text.len())
                    .filter(|end| text.is_char_boundary(*end))
                    .any(|end| fits(rest, &text[end..]))
            })
        }
    }
}

/// The repositories of a project.
pub(crate) fn repositories_of<'a>(
    state: &'a State,
    project: &str,
) -> impl Iterator<Item = (&'a String, &'a Repository)> + use<'a> {
    let prefix = format!("{project}/");
    state
        .repositories
        .range(prefix.clone()..)
        .take_while(move |(name, _)| name.starts_with(&prefix))
}
