//! Makes a layer as decided.
use crate::{
    Change, Decision, ExportError, ExportInputs, LayerPlan, Role, apply::Located, tee::Tee,
    transfer::Made,
};
use std::path::Path;
use wharf_cache::CacheTransaction;
use wharf_image::{DraftLayer, Family, LayerSource};
use wharf_layer::{Blob, LayerContent, LayerError, fingerprint::Taken};
use wharf_spec::{digest::Digest, log::Log};

/// Makes layers; several threads may at once.
#[derive(Clone, Copy)]
pub(crate) struct Maker<'a> {
    pub(crate) inputs: &'a ExportInputs,
    pub(crate) previous: Option<&'a Located>,
    pub(crate) family: Family,
    pub(crate) keep_history: bool,
    /// Takes the archives of cached layers in the same pass.
    pub(crate) cache: Option<&'a dyn CacheTransaction>,
    pub(crate) log: &'a dyn Log,
}

/// What is known of a layer before its files are read.
#[derive(Default)]
struct Seen {
    /// The diff ID, when the files are as they were when it was computed.
    diff_id: Option<Digest>,
    /// The fingerprint to keep.
    fingerprint: Option<Taken>,
}

impl Maker<'_> {
    pub(crate) fn make(&self, decision: &Decision) -> Result<Made, ExportError> {
        let failed = |source| ExportError::Layer {
            layer: decision.name.clone(),
            source,
        };
        match &decision.plan {
            LayerPlan::Reuse(diff_id) => {
                let reused = self.reuse(decision, *diff_id, None);
                reused.ok_or_else(|| ExportError::NotInPrevious {
                    layer: decision.name.clone(),
                    diff_id: diff_id.to_string(),
                })
            }
            LayerPlan::HashFirst(content, known) if self.previous.is_some() => {
                let seen = self.look(decision, content).map_err(failed)?;
                let diff_id = match seen.diff_id {
                    Some(diff_id) => diff_id,
                    None => self.inputs.encoder.diff_id(content).map_err(failed)?,
                };
                let reused = known
                    .contains(&diff_id)
                    .then(|| self.reuse(decision, diff_id, seen.fingerprint))
                    .flatten();
                match reused {
                    Some(reused) => Ok(reused),
                    None => self
                        .add(decision, content, seen.fingerprint)
                        .map_err(failed),
                }
            }
            LayerPlan::HashFirst(content, _) | LayerPlan::Encode(content) => {
                let seen = self.look(decision, content).map_err(failed)?;
                self.add(decision, content, seen.fingerprint)
                    .map_err(failed)
            }
        }
    }

    /// Looks at the files without reading them, where that may save reading now or next time.
    ///
    /// The fingerprint of an app is settled before its files are read: what changes later then shows.
    fn look(&self, decision: &Decision, content: &LayerContent) -> Result<Seen, LayerError> {
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

    fn created_by(&self, decision: &Decision) -> Option<String> {
        self.keep_history.then(|| decision.created_by.clone())
    }

    /// The layer of the previous image, when it has it.
    fn reuse(
        &self,
        decision: &Decision,
        diff_id: Digest,
        fingerprint: Option<Taken>,
    ) -> Option<Made> {
        let previous = self.previous?;
        let layer = previous
            .image
            .layers()
            .iter()
            .find(|layer| layer.diff_id == diff_id)?;
        Some(Made {
            name: decision.name.clone(),
            layer: DraftLayer {
                descriptor: layer.descriptor.clone(),
                diff_id,
                created_by: self.created_by(decision),
                source: LayerSource::Repository(previous.reference.clone()),
            },
            change: Change::Reused,
            fingerprint,
        })
    }

    fn add(
        &self,
        decision: &Decision,
        content: &LayerContent,
        fingerprint: Option<Taken>,
    ) -> Result<Made, LayerError> {
        let blob = self.encode(decision, content)?;
        Ok(Made {
            name: decision.name.clone(),
            layer: DraftLayer::from_blob(blob, self.family, self.created_by(decision)),
            change: Change::Added,
            fingerprint,
        })
    }

    fn encode(&self, decision: &Decision, content: &LayerContent) -> Result<Blob, LayerError> {
        let encoder = &self.inputs.encoder;
        let cache = self.cache.filter(|_| decision.is_cached);
        let Some(mut tee) = cache.and_then(|cache| Tee::open(cache, &decision.name, self.log))
        else {
            return encoder.encode(content);
        };
        let blob = encoder.encode_tee(content, &mut tee)?;
        tee.keep(blob.diff_id);
        Ok(blob)
    }
}

/// The directory that the content lies in, as text.
fn root(content: &LayerContent) -> Option<&str> {
    match content {
        LayerContent::Tree { root, .. } | LayerContent::Paths { root, .. } => Path::to_str(root),
        LayerContent::Launcher { .. } | LayerContent::ProcessTypes { .. } => None,
    }
}
