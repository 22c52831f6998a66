//! Puts old digests back under the tags that still are as apply left them.
use crate::{
    apply::chain,
    clock::Clock,
    journal::{Event, ImageState, Journal, JournalError, Line, State},
    pattern::Pattern,
};
use std::sync::atomic::{AtomicBool, Ordering};
use wharf_image::{ImageStore, StoreError, Stored};
use wharf_spec::reference::Reference;

/// How a rollback is done.
#[derive(Debug, Clone, Default)]
pub struct RollbackOptions {
    /// Who does it.
    pub who: String,
    /// Only repositories that match; empty means all.
    pub only: Vec<Pattern>,
    /// Looks, and writes nothing.
    pub dry_run: bool,
}

/// What became of one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagOutcome {
    /// It has the old digest again.
    Back,
    /// It would get it.
    WouldBe,
    /// It has it already.
    WasOld,
    /// It was moved since; it stays.
    Moved(String),
    /// It failed.
    Failed(String),
}

/// What rollback works with.
#[derive(Clone, Copy)]
pub struct RollbackMeans<'a> {
    /// Where the images are.
    pub store: &'a dyn ImageStore,
    /// What apply did.
    pub before: &'a State,
    /// Where it is written down; `None` for a dry run.
    pub journal: Option<&'a Journal>,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Set from outside to end after the image at hand.
    pub interrupted: &'a AtomicBool,
}

impl std::fmt::Debug for RollbackMeans<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RollbackMeans").finish_non_exhaustive()
    }
}

/// Rolls back everything the journals know of; `each` is told of every tag (`registry/repository:tag`).
pub fn rollback(
    plan: &str,
    options: &RollbackOptions,
    means: RollbackMeans<'_>,
    each: &mut dyn FnMut(&str, &TagOutcome),
) -> Result<(), JournalError> {
    let note = |event: Event| match means.journal {
        Some(journal) if !options.dry_run => journal.append(&Line {
            at: means.clock.now(),
            event,
        }),
        _ => Ok(()),
    };
    note(Event::Began {
        plan: plan.to_owned(),
        what: "rollback".into(),
        who: options.who.clone(),
        shard: "1/1".into(),
    })?;
    for (key, state) in &means.before.images {
        if means.interrupted.load(Ordering::Relaxed) {
            break;
        }
        let repository = key.split('@').next().unwrap_or_default();
        let is_meant = |pattern: &Pattern| pattern.matches(repository);
        if !options.only.is_empty() && !options.only.iter().any(is_meant) {
            continue;
        }
        let mut back = Vec::new();
        for tag in tags(state) {
            let name = format!("{repository}:{tag}");
            let outcome = one(means.store, key, &name, (state, options.dry_run));
            let outcome = outcome.unwrap_or_else(|error| TagOutcome::Failed(chain(&error)));
            each(&name, &outcome);
            if outcome == TagOutcome::Back {
                back.push(tag);
            }
        }
        if !back.is_empty() {
            note(Event::RolledBack {
                image: key.clone(),
                tags: back,
            })?;
        }
    }
    Ok(())
}

/// All tags that were, or may have been, written.
fn tags(state: &ImageState) -> Vec<String> {
    let written = state.announced.iter().chain(&state.done);
    let mut tags: Vec<String> = written.flat_map(|written| written.tags.clone()).collect();
    tags.sort();
    tags.dedup();
    tags
}

fn one(
    store: &dyn ImageStore,
    key: &str,
    name: &str,
    (state, dry_run): (&ImageState, bool),
) -> Result<TagOutcome, StoreError> {
    let failed = |why: String| Ok(TagOutcome::Failed(why));
    let (Ok(old), Ok(tag)) = (key.parse::<Reference>(), name.parse::<Reference>()) else {
        return failed(format!("'{key}' and '{name}' are not both references"));
    };
    let Some(now) = store.read_manifest(&tag)? else {
        return Ok(TagOutcome::Moved("the tag is gone".into()));
    };
    let digest = now.digest();
    if old.digest() == Some(digest) {
        return Ok(TagOutcome::WasOld);
    }
    let text = digest.to_string();
    let is_ours = state
        .announced
        .iter()
        .chain(&state.done)
        .any(|written| written.new == text);
    if !is_ours {
        return Ok(TagOutcome::Moved(format!("it was moved to {text} since")));
    }
    let Some(manifest) = store.read_manifest(&old)? else {
        return failed(format!("{old} is gone from the registry"));
    };
    if dry_run {
        return Ok(TagOutcome::WouldBe);
    }
    put_back(store, &manifest, &tag)
}

fn put_back(
    store: &dyn ImageStore,
    manifest: &Stored,
    tag: &Reference,
) -> Result<TagOutcome, StoreError> {
    store.write_manifest(manifest, std::slice::from_ref(tag))?;
    let found = store.read_manifest(tag)?;
    Ok(if found.as_ref() == Some(manifest) {
        TagOutcome::Back
    } else {
        TagOutcome::Failed("it was moved at the same time".into())
    })
}
