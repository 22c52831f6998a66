//! Every artifact of a project with the blobs it names.
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use wharf_harbor::{Artifact, ArtifactQuery, Harbor};
use wharf_image::ImageStore;
use wharf_spec::digest::Digest;

/// Manifests read at a time.
const AT_ONCE: usize = 8;

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Item {
    /// Name within the project.
    pub(crate) repository: String,
    /// Digest of the manifest; zero in no real item.
    pub(crate) digest: Option<Digest>,
    pub(crate) tags: Vec<String>,
    /// RFC 3339.
    pub(crate) pushed: String,
    /// Bytes as Harbor says, shared blobs included.
    pub(crate) size: u64,
    /// What it names, itself included; `None` when its manifest cannot be read.
    pub(crate) blobs: Option<Vec<(Digest, u64)>>,
    /// Entries, if it is an index.
    pub(crate) children: Vec<Digest>,
    /// What it refers to.
    pub(crate) subject: Option<Digest>,
    /// What refers to it.
    pub(crate) accessories: Vec<Digest>,
    /// Whether it is listed only as a part of another: an accessory, or an entry of an index.
    pub(crate) is_part: bool,
}

#[derive(Deserialize)]
struct Part {
    digest: Digest,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    config: Option<Part>,
    #[serde(default)]
    layers: Vec<Part>,
    #[serde(default)]
    manifests: Vec<Part>,
    #[serde(default)]
    subject: Option<Part>,
}

/// All artifacts of `project`, and what they consist of.
pub(crate) fn read(store: &dyn ImageStore, harbor: &Harbor, project: &str) -> Result<Vec<Item>> {
    let mut items = list(harbor, project)?;
    let mut todo = 0;
    // Entries of indices and accessories come to light while manifests are read.
    while todo < items.len() {
        let found = describe(store, (harbor.registry(), project), &items[todo..]);
        for (item, description) in items[todo..].iter_mut().zip(found) {
            if let Some(manifest) = description {
                item.blobs = Some(manifest.blobs);
                item.children = manifest.children;
                item.subject = manifest.subject;
            }
        }
        let known: HashSet<_> = items
            .iter()
            .map(|item| (item.repository.clone(), item.digest))
            .collect();
        let parts: Vec<Item> = items[todo..].iter().flat_map(parts).collect();
        todo = items.len();
        let mut new = HashMap::new();
        for part in parts {
            let key = (part.repository.clone(), part.digest);
            if !known.contains(&key) {
                new.entry(key).or_insert(part);
            }
        }
        items.extend(new.into_values());
    }
    Ok(items)
}

/// What belongs to an item and may not be listed by itself.
fn parts(item: &Item) -> Vec<Item> {
    let all = item.children.iter().chain(&item.accessories);
    all.map(|digest| Item {
        repository: item.repository.clone(),
        digest: Some(*digest),
        pushed: item.pushed.clone(),
        is_part: true,
        ..Item::default()
    })
    .collect()
}

fn list(harbor: &Harbor, project: &str) -> Result<Vec<Item>> {
    let query = ArtifactQuery {
        accessories: true,
        ..ArtifactQuery::default()
    };
    let mut items = Vec::new();
    let repositories = harbor.repositories(Some(project));
    for repository in repositories.flatten_items() {
        let repository = repository?;
        let Some((_, name)) = repository.split() else {
            continue;
        };
        for artifact in harbor.artifacts((project, name), &query).flatten_items() {
            items.push(item(name, artifact?));
        }
    }
    Ok(items)
}

fn item(repository: &str, artifact: Artifact) -> Item {
    Item {
        repository: repository.to_owned(),
        digest: Some(artifact.digest),
        tags: artifact.tags.into_iter().map(|tag| tag.name).collect(),
        pushed: artifact.push_time.unwrap_or_default(),
        size: artifact.size,
        accessories: artifact.accessories.iter().map(|one| one.digest).collect(),
        ..Item::default()
    }
}

struct Description {
    blobs: Vec<(Digest, u64)>,
    children: Vec<Digest>,
    subject: Option<Digest>,
}

/// Reads manifests side by side; in the order of `items`.
fn describe(
    store: &dyn ImageStore,
    (host, project): (&str, &str),
    items: &[Item],
) -> Vec<Option<Description>> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(items.len()) {
            scope.spawn(|| {
                while let Some((index, item)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    items.get(index).map(|item| (index, item))
                } {
                    let name = format!("{host}/{project}/{}", item.repository);
                    let description = read_one(store, &name, item.digest).ok().flatten();
                    found
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((index, description));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(index, _)| *index);
    found
        .into_iter()
        .map(|(_, description)| description)
        .collect()
}

fn read_one(
    store: &dyn ImageStore,
    name: &str,
    digest: Option<Digest>,
) -> Result<Option<Description>> {
    let digest = digest.context("read manifest without digest")?;
    let reference = format!("{name}@{digest}").parse()?;
    let Some(stored) = store.read_manifest(&reference)? else {
        return Ok(None);
    };
    let manifest: Manifest = serde_json::from_slice(&stored.bytes)?;
    let own = (digest, stored.bytes.len() as u64);
    let parts = manifest.config.iter().chain(&manifest.layers);
    Ok(Some(Description {
        blobs: parts
            .map(|part| (part.digest, part.size))
            .chain([own])
            .collect(),
        children: manifest.manifests.iter().map(|part| part.digest).collect(),
        subject: manifest.subject.map(|subject| subject.digest),
    }))
}
