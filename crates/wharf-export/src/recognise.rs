//! Finds out whether a layer is one that is known, by its fingerprint or by hashing it.
//!
//! That needs no image: it begins while a registry is asked for run image and previous image.
use crate::{Decision, ExportInputs, LayerPlan, Role};
use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use wharf_cache::CacheTransaction;
use wharf_layer::{LayerContent, LayerError, fingerprint::Taken};
use wharf_spec::digest::Digest;

/// Recognises layers; several threads may at once.
#[derive(Clone, Copy)]
pub(crate) struct Recogniser<'a> {
    pub(crate) inputs: &'a ExportInputs,
    pub(crate) cache: Option<&'a dyn CacheTransaction>,
}

/// A layer whose files need not be read any more to know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recognised {
    pub(crate) diff_id: Digest,
    /// The fingerprint to keep.
    pub(crate) fingerprint: Option<Taken>,
}

/// What is known of a layer before its files are read.
#[derive(Default)]
pub(crate) struct Seen {
    /// The diff ID, when the files are as they were when it was computed.
    diff_id: Option<Digest>,
    /// The fingerprint to keep.
    pub(crate) fingerprint: Option<Taken>,
}

impl Recogniser<'_> {
    /// Recognises layers side by side, in order, until `enough` is set; what was begun is ended. A layer that fails is
    /// left for the one who makes it.
    pub(crate) fn ahead(
        self,
        decisions: &[Decision],
        enough: &AtomicBool,
    ) -> Vec<OnceLock<Recognised>> {
        let known: Vec<OnceLock<Recognised>> = decisions.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while !enough.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(decision) = decisions.get(index) else {
                    return;
                };
                if let LayerPlan::HashFirst(content, _) = &decision.plan
                    && let Ok(recognised) = self.recognise(decision, content)
                {
                    known[index].get_or_init(|| recognised);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.inputs.encoder.workers().get().min(decisions.len()) {
                scope.spawn(work);
            }
        });
        known
    }

    /// The diff ID, computed when the fingerprint is not known.
    pub(crate) fn recognise(
        &self,
        decision: &Decision,
        content: &LayerContent,
    ) -> Result<Recognised, LayerError> {
        let seen = self.look(decision, content)?;
        Ok(Recognised {
            diff_id: match seen.diff_id {
                Some(diff_id) => diff_id,
                None => self.inputs.encoder.diff_id(content)?,
            },
            fingerprint: seen.fingerprint,
        })
    }

    /// Looks at the files without reading them, where that may save reading now or next time.
    ///
    /// The fingerprint of an app is settled before its files are read: what changes later then shows.
    pub(crate) fn look(
        &self,
        decision: &Decision,
        content: &LayerContent,
    ) -> Result<Seen, LayerError> {
        let known = root(content).and_then(|root| self.inputs.fingerprints.newest(root));
        let remembers = self.cache.is_some_and(CacheTransaction::remembers);
        let keep = decision.role == Role::App && remembers;
        let taken = match known {
            _ if keep => content.fingerprint()?,
            // Files that changed since are not those that were seen.
            Some(newest) => content.fingerprint_up_to(Some(newest))?,
            None => None,
        };
        let Some(taken) = taken else {
            return Ok(Seen::default());
        };
        Ok(Seen {
            diff_id: self.inputs.fingerprints.diff_id(taken.fingerprint()),
            fingerprint: if keep { taken.settle() } else { None },
        })
    }
}

/// The directory that the content lies in, as text.
fn root(content: &LayerContent) -> Option<&str> {
    match content {
        LayerContent::Tree { root, .. } | LayerContent::Paths { root, .. } => Path::to_str(root),
        LayerContent::Launcher { .. } | LayerContent::ProcessTypes { .. } => None,
    }
}
