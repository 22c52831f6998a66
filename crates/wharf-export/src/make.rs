//! Makes a layer as decided.
use crate::{
    Change, Decision, ExportError, LayerPlan,
    apply::Located,
    recognise::{Recognised, Recogniser},
    tee::Tee,
    transfer::Made,
};
use wharf_image::{DraftLayer, Family, LayerSource};
use wharf_layer::{Blob, LayerContent, LayerError, fingerprint::Taken};
use wharf_spec::{digest::Digest, log::Log};

/// Makes layers; several threads may at once.
#[derive(Clone, Copy)]
pub(crate) struct Maker<'a> {
    pub(crate) recogniser: Recogniser<'a>,
    pub(crate) previous: Option<&'a Located>,
    pub(crate) family: Family,
    pub(crate) keep_history: bool,
    pub(crate) log: &'a dyn Log,
}

impl Maker<'_> {
    /// `recognised` is what was found out of the layer before, if anything.
    pub(crate) fn make(
        &self,
        decision: &Decision,
        recognised: Option<&Recognised>,
    ) -> Result<Made, ExportError> {
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
                let now = || self.recogniser.recognise(decision, content);
                let recognised = recognised.map_or_else(now, |recognised| Ok(*recognised));
                let recognised = recognised.map_err(failed)?;
                let reused = known
                    .contains(&recognised.diff_id)
                    .then(|| self.reuse(decision, recognised.diff_id, recognised.fingerprint))
                    .flatten();
                match reused {
                    Some(reused) => Ok(reused),
                    None => self
                        .add(decision, content, recognised.fingerprint)
                        .map_err(failed),
                }
            }
            LayerPlan::HashFirst(content, _) | LayerPlan::Encode(content) => {
                let seen = self.recogniser.look(decision, content).map_err(failed)?;
                self.add(decision, content, seen.fingerprint)
                    .map_err(failed)
            }
        }
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
        let encoder = &self.recogniser.inputs.encoder;
        // The archives of cached layers are taken in the same pass.
        let cache = self.recogniser.cache.filter(|_| decision.is_cached);
        let Some(mut tee) = cache.and_then(|cache| Tee::open(cache, &decision.name, self.log))
        else {
            return encoder.encode(content);
        };
        let blob = encoder.encode_tee(content, &mut tee)?;
        tee.keep(blob.diff_id);
        Ok(blob)
    }
}
