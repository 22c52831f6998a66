//! Carries out a plan: exactly what it says, by digest.
mod budget;
mod means;
mod one;
mod outcome;
mod queue;
mod run;

pub use budget::MaxFailures;
pub use means::Means;
pub(crate) use one::chain;
pub use outcome::Outcome;
pub use run::apply;

use crate::{journal::Shard, pattern::Pattern};
use std::{collections::BTreeMap, time::Duration};

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Who does it, for the journal.
    pub who: String,
    /// The part of the plan.
    pub shard: Shard,
    /// Only images that these mean; empty means all.
    pub only: Vec<Pattern>,
    /// Which images are tried first.
    pub canary: Option<Canary>,
    /// Images at a time on one registry.
    pub per_registry: usize,
    /// Images at a time in one project.
    pub per_project: usize,
    /// Images that may be begun per second; `None` sets no limit.
    pub per_second: Option<u32>,
    /// When to stop.
    pub max_failures: Option<MaxFailures>,
    /// A further tag for what is replaced, so that it stays in reach.
    pub keep_tag: Option<String>,
    /// Looks, and writes nothing.
    pub dry_run: bool,
    /// Attempts per image, the first included, when a registry is overloaded or away.
    pub attempts: u32,
    /// Wait before the second attempt, for all images on the registry; doubled for each further one.
    pub first_wait: Duration,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            who: String::new(),
            shard: Shard::WHOLE,
            only: Vec::new(),
            canary: None,
            per_registry: 8,
            per_project: 4,
            per_second: None,
            max_failures: None,
            keep_tag: None,
            dry_run: false,
            attempts: 4,
            first_wait: Duration::from_secs(1),
        }
    }
}

/// Images that are tried before the others.
#[derive(Debug, Clone)]
pub enum Canary {
    /// The first so many.
    First(usize),
    /// All that are meant.
    Matching(Pattern),
}

/// Looks at a canary from outside.
pub trait Verifier: Sync {
    /// Whether the rebased image at `reference` (`registry/repository:tag@digest`) does its work; else why not.
    fn verify(&self, reference: &str) -> Result<(), String>;
}

/// Takes every canary for good.
#[derive(Debug, Clone, Copy)]
pub struct NoVerifier;

impl Verifier for NoVerifier {
    fn verify(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

/// What happens, as it happens. May be called from several threads.
pub trait Progress: Sync {
    /// Work on an image begins.
    fn begins(&self, image: &str) {
        let _ = image;
    }
    /// Work on an image ended; `done` of `all` have.
    fn ended(&self, image: &str, outcome: &Outcome, (done, all): (usize, usize)) {
        let _ = (image, outcome, done, all);
    }
    /// A registry is left alone for a while.
    fn pauses(&self, registry: &str, wait: Duration, why: &str) {
        let _ = (registry, wait, why);
    }
    /// A canary was looked at.
    fn verified(&self, image: &str, result: &Result<(), String>) {
        let _ = (image, result);
    }
}

/// Says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {}

/// Why apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every image was worked on.
    Complete,
    /// A canary was refused; nothing else was touched.
    CanaryRejected,
    /// More images failed than may.
    TooManyFailures,
    /// It was asked to stop.
    Interrupted,
}

/// What apply came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Why it ended.
    pub end: End,
    /// Images by outcome: "rebased", "done before", "would be rebased", "skipped", "failed", "not begun".
    pub counts: BTreeMap<&'static str, usize>,
}

impl Applied {
    /// How many images have this outcome.
    pub fn count(&self, word: &str) -> usize {
        self.counts.get(word).copied().unwrap_or(0)
    }
}
