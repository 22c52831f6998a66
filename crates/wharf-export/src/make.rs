//! Makes one layer after the other.
use crate::{Change, Decision, ExportError, ExportInputs, LayerPlan, Role, apply::Located};
use wharf_image::{DraftLayer, Family, LayerSource};
use wharf_layer::LayerContent;
use wharf_spec::{digest::Digest, log::Log};

/// Counts app slices for the two lines about them.
#[derive(Debug, Default)]
pub(crate) struct AppCount {
    reused: usize,
    added: usize,
}

impl AppCount {
    pub(crate) fn count(&mut self, decision: &Decision, change: Change) {
        if decision.role == Role::App {
            match change {
                Change::Reused => self.reused += 1,
                Change::Added | Change::Base => self.added += 1,
            }
        }
    }

    /// Says what was counted, once.
    pub(crate) fn report(&mut self, log: &dyn Log) {
        let Self { reused, added } = std::mem::take(self);
        let all = reused + added;
        if reused > 0 {
            log.info(&format!("Reused {reused}/{all} app layer(s)"));
        }
        if added > 0 {
            log.info(&format!("Added {added}/{all} app layer(s)"));
        }
    }
}

/// Makes one layer after the other.
#[derive(Clone, Copy)]
pub(crate) struct Maker<'a> {
    pub(crate) inputs: &'a ExportInputs,
    pub(crate) previous: Option<&'a Located>,
    pub(crate) family: Family,
    pub(crate) keep_history: bool,
    pub(crate) log: &'a dyn Log,
}

impl Maker<'_> {
    pub(crate) fn make(&self, decision: &Decision) -> Result<(DraftLayer, Change), ExportError> {
        match &decision.plan {
            LayerPlan::Reuse(diff_id) => {
                let reused = self.reuse(decision, *diff_id);
                reused.ok_or_else(|| ExportError::NotInPrevious {
                    layer: decision.name.clone(),
                    diff_id: diff_id.to_string(),
                })
            }
            LayerPlan::HashFirst(content, known) if self.previous.is_some() => {
                let diff_id = self.inputs.encoder.diff_id(content).map_err(|source| ExportError::Layer {
                    layer: decision.name.clone(),
                    source,
                })?;
                let reused = if known.contains(&diff_id) {
                    self.reuse(decision, diff_id)
                } else {
                    None
                };
                match reused {
                    Some(reused) => Ok(reused),
                    None => self.encode(decision, content),
                }
            }
            LayerPlan::HashFirst(content, _) | LayerPlan::Encode(content) => {
                self.encode(decision, content)
            }
        }
    }

    fn created_by(&self, decision: &Decision) -> Option<String> {
        self.keep_history.then(|| decision.created_by.clone())
    }

    /// The layer of the previous image, when it has it.
    fn reuse(&self, decision: &Decision, diff_id: Digest) -> Option<(DraftLayer, Change)> {
        let previous = self.previous?;
        let layer = previous
            .image
            .layers()
            .iter()
            .find(|layer| layer.diff_id == diff_id)?;
        self.say("Reusing", decision, diff_id);
        let layer = DraftLayer {
            descriptor: layer.descriptor.clone(),
            diff_id,
            created_by: self.created_by(decision),
            source: LayerSource::Repository(previous.reference.clone()),
        };
        Some((layer, Change::Reused))
    }

    fn encode(
        &self,
        decision: &Decision,
        content: &LayerContent,
    ) -> Result<(DraftLayer, Change), ExportError> {
        let blob = self
            .inputs
            .encoder
            .encode(content)
            .map_err(|source| ExportError::Layer {
                layer: decision.name.clone(),
                source,
            })?;
        self.say("Adding", decision, blob.diff_id);
        let layer = DraftLayer::from_blob(blob, self.family, self.created_by(decision));
        Ok((layer, Change::Added))
    }

    fn say(&self, verb: &str, decision: &Decision, diff_id: Digest) {
        if decision.role != Role::App {
            self.log.info(&format!("{verb} layer '{}'", decision.name));
        }
        self.log
            .debug(&format!("Layer '{}' SHA: {diff_id}", decision.name));
    }
}
