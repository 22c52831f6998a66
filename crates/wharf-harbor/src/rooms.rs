//! Quotas of projects as limits of where images go.
use crate::{ArtifactQuery, Harbor, Known, Limit, error::HarborErrorKind, model::Artifact};
use std::{
    collections::{BTreeSet, HashSet},
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use wharf_image::{Freeable, Limited, Room, Rooms};
use wharf_registry::RegistryStore;
use wharf_spec::{digest::Digest, reference::Reference};

/// Artifacts looked at to say what may go.
const LOOKED_AT: usize = 300;

/// Whether a registry is asked for what only Harbor knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// When its token service is Harbor's.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// A text that is no [`Mode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is none of auto, on and off")]
pub struct ModeError(pub String);

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        match text {
            "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            other => Err(ModeError(other.to_owned())),
        }
    }
}

/// Asks Harbor, over the connections of a store.
#[derive(Debug, Clone)]
pub struct HarborRooms {
    store: Arc<RegistryStore>,
    mode: Mode,
    /// Registries that turned out to be no Harbor, so that they are asked once.
    strangers: Arc<Mutex<BTreeSet<String>>>,
}

impl HarborRooms {
    /// Makes no request.
    pub fn new(store: Arc<RegistryStore>, mode: Mode) -> Self {
        Self {
            store,
            mode,
            strangers: Arc::default(),
        }
    }

    /// The Harbor where `reference` is, or why it is not asked.
    pub fn harbor(&self, reference: &Reference) -> Result<Harbor, &'static str> {
        let harbor = Harbor::new(self.store.api(reference));
        if self.strangers().contains(reference.registry()) {
            return Err("the registry is no Harbor");
        }
        match self.mode {
            Mode::Off => Err("Harbor is not to be asked"),
            Mode::On => Ok(harbor),
            Mode::Auto if harbor.is_likely() => Ok(harbor),
            Mode::Auto => Err("the registry does not look like Harbor"),
        }
    }

    fn strangers(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, to: &Reference) -> Result<Room, String> {
        let (project, _) = split(to).ok_or("the repository is in no project")?;
        let harbor = self.harbor(to)?;
        let summary = harbor.summary(project).map_err(|error| {
            if matches!(error.kind, HarborErrorKind::NotOffered) {
                self.strangers().insert(to.registry().to_owned());
            }
            chain(&error)
        })?;
        let quota = match summary {
            Known::Yes(summary) => summary.quota,
            Known::No(why) => return Err(why),
        };
        match quota {
            Known::No(why) => Err(why),
            Known::Yes(quota) => Ok(match quota.limit {
                Limit::Unlimited => Room::Unlimited,
                Limit::Bytes(limit) => Room::Limited(Limited {
                    place: format!("project '{project}' at '{}'", to.registry()),
                    limit,
                    used: quota.used,
                }),
            }),
        }
    }
}

impl Rooms for HarborRooms {
    fn room(&self, to: &Reference) -> Room {
        self.ask(to).unwrap_or_else(Room::Unknown)
    }

    fn is_same_place(&self, one: &Reference, other: &Reference) -> bool {
        let project = |reference| split(reference).map(|(project, _)| project);
        one.registry() == other.registry() && project(one) == project(other)
    }

    fn neighbours(&self, to: &Reference) -> Option<Vec<Reference>> {
        let (project, own) = split(to)?;
        let harbor = self.harbor(to).ok()?;
        let repositories = harbor.repositories(Some(project)).collect_all().ok()?;
        let names = repositories
            .iter()
            .filter_map(|repository| repository.split());
        names
            .filter(|(_, name)| *name != own)
            .map(|(project, name)| format!("{}/{project}/{name}", to.registry()).parse().ok())
            .collect()
    }

    fn freeable(&self, to: &Reference) -> Option<Freeable> {
        let (project, repository) = split(to)?;
        let harbor = self.harbor(to).ok()?;
        let pages = harbor.artifacts((project, repository), &ArtifactQuery::default());
        let artifacts: Vec<Artifact> = pages
            .flatten_items()
            .take(LOOKED_AT)
            .collect::<Result<_, _>>()
            .ok()?;
        let entries: HashSet<Digest> = artifacts
            .iter()
            .flat_map(|artifact| &artifact.references)
            .map(|child| child.digest)
            .collect();
        let superseded: Vec<_> = artifacts
            .iter()
            .filter(|artifact| artifact.tags.is_empty() && !entries.contains(&artifact.digest))
            .collect();
        (!superseded.is_empty()).then(|| Freeable {
            images: superseded.len() as u64,
            bytes: superseded.iter().map(|artifact| artifact.size).sum(),
            command: format!(
                "wharf prune {}/{project}/{repository} --keep 1",
                to.registry()
            ),
        })
    }
}

/// Project and the name within it.
pub(crate) fn split(reference: &Reference) -> Option<(&str, &str)> {
    reference.repository().split_once('/')
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
