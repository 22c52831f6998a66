//! What apply works with.
use super::{Progress, Verifier};
use crate::{
    base::NewBase,
    clock::Clock,
    journal::{Journal, State},
};
use std::sync::atomic::AtomicBool;
use wharf_image::ImageStore;

/// What apply works with.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Where the images are.
    pub store: &'a dyn ImageStore,
    /// The new base, read by the digest in the plan.
    pub base: &'a NewBase,
    /// What was done before.
    pub before: &'a State,
    /// Where it is written down; `None` for a dry run.
    pub journal: Option<&'a Journal>,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Who looks at canaries.
    pub verifier: &'a dyn Verifier,
    /// Who is told.
    pub progress: &'a dyn Progress,
    /// Set from outside to end after the images at hand.
    pub interrupted: &'a AtomicBool,
}

impl std::fmt::Debug for Means<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Means").finish_non_exhaustive()
    }
}
