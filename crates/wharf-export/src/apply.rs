//! Carries the decisions out.
use crate::{
    Change, Decision, ExportError, ExportInputs, ExportedLayer, Handoff, Role,
    announce::Announcer,
    make::Maker,
    save, time,
    transfer::{self, Done, Line, Made},
};
use wharf_cache::CacheTransaction;
use wharf_image::{DraftLayer, Image, ImageDraft, ImageStore, Layer, LayerSource};
use wharf_spec::{api::History, digest::Digest, log::Log, reference::Reference};

/// An image and where it was read.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) reference: Reference,
    pub(crate) image: Image,
}

/// The image so far.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) draft: ImageDraft,
    /// Layers above the run image.
    pub(crate) layers: Vec<(Role, Digest)>,
    /// Every layer, for the summary.
    pub(crate) exported: Vec<ExportedLayer>,
}

/// The run image that `analyzed.toml` names.
pub(crate) fn find_base(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    store: &dyn ImageStore,
) -> Result<Located, ExportError> {
    let identifier = handoff
        .analyzed
        .run_image
        .as_ref()
        .map(|run_image| run_image.reference.as_str())
        .filter(|reference| !reference.is_empty())
        .ok_or(ExportError::NoRunImage)?;
    let reference = store
        .locate(identifier)
        .map_err(ExportError::ReadRunImage)?;
    let image = store
        .find(&reference, &inputs.platform)
        .map_err(ExportError::ReadRunImage)?
        .ok_or_else(|| ExportError::RunImageNotFound {
            reference: identifier.to_owned(),
        })?;
    if image.layers().is_empty() {
        return Err(ExportError::EmptyRunImage {
            reference: identifier.to_owned(),
        });
    }
    Ok(Located { reference, image })
}

/// The previous image, to take unchanged layers from. Without it every layer is made anew.
pub(crate) fn find_previous(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    store: &dyn ImageStore,
) -> Result<Option<Located>, ExportError> {
    let Some(identifier) = handoff.analyzed.previous_reference() else {
        return Ok(None);
    };
    let reference = store
        .locate(identifier)
        .map_err(ExportError::ReadPrevious)?;
    let image = store
        .find(&reference, &inputs.platform)
        .map_err(ExportError::ReadPrevious)?;
    Ok(image.map(|image| Located { reference, image }))
}

/// Says whether layers can be taken from the previous image that `analyzed.toml` names.
pub(crate) fn tell_of_previous(handoff: &Handoff<'_>, previous: Option<&Located>, log: &dyn Log) {
    match (handoff.analyzed.previous_reference(), previous) {
        (None, _) => {}
        (Some(identifier), Some(_)) => {
            log.info(&format!("Reusing layers from image '{identifier}'"));
        }
        (Some(identifier), None) => log.warn(&format!(
            "Previous image '{identifier}' is gone; no layer can be taken from it"
        )),
    }
}

/// Makes every layer and brings it to the repositories of the outputs.
pub(crate) fn assemble(
    inputs: &ExportInputs,
    decisions: &[Decision],
    (base, previous): (&Located, Option<&Located>),
    cache: Option<&dyn CacheTransaction>,
    (store, log): (&dyn ImageStore, &dyn Log),
) -> Result<Assembled, ExportError> {
    let features = inputs.platform_api.features();
    let created = inputs
        .created
        .filter(|_| features.source_date_epoch)
        .unwrap_or(time::DEFAULT);
    let keep_history = features.history == History::Kept;
    let created = time::rfc3339(created);
    let mut draft = ImageDraft::from_base(&base.image, &base.reference, &created, keep_history);
    draft.set_family(store.family(draft.family()));
    let maker = Maker {
        inputs,
        previous,
        family: draft.family(),
        keep_history,
        cache,
        log,
    };
    let base = draft.layers().iter().map(Work::Base);
    let works: Vec<Work<'_>> = base.chain(decisions.iter().map(Work::Decided)).collect();
    let mut announcer = Announcer::new(log);
    let done = transfer::run(
        store,
        save::first_output(inputs)?,
        &mut Line {
            works: &works,
            makers: inputs.encoder.workers(),
            make: &|work| match work {
                Work::Base(layer) => Ok(of_base(layer, previous)),
                Work::Decided(decision) => maker.make(decision),
            },
            announce: &mut |work, made| {
                if let Work::Decided(decision) = work {
                    announcer.announce(decision, made);
                }
            },
        },
    )?;
    announcer.finish();
    Ok(put_together(draft, decisions, done))
}

/// What a layer is made from.
enum Work<'a> {
    Base(&'a DraftLayer),
    Decided(&'a Decision),
}

/// A layer of the run image; it is the previous image's, too, when the app was built on the same one.
fn of_base(layer: &DraftLayer, previous: Option<&Located>) -> Made {
    let mut layer = layer.clone();
    let is_same = |other: &Layer| other.descriptor.digest == layer.descriptor.digest;
    if let Some(previous) = previous.filter(|it| it.image.layers().iter().any(is_same)) {
        layer.source = LayerSource::Repository(previous.reference.clone());
    }
    Made {
        name: "run image".to_owned(),
        layer,
        change: Change::Base,
        fingerprint: None,
    }
}

/// Puts the layers that are in the repository onto the draft.
fn put_together(mut draft: ImageDraft, decisions: &[Decision], done: Vec<Done>) -> Assembled {
    let base_count = draft.layers().len();
    let mut exported = Vec::new();
    let mut layers = Vec::new();
    for (index, done) in done.into_iter().enumerate() {
        let above_base = index.checked_sub(base_count);
        let decision = above_base.and_then(|index| decisions.get(index));
        exported.push(ExportedLayer {
            name: done.name,
            diff_id: done.layer.diff_id,
            descriptor: done.layer.descriptor.clone(),
            change: done.change,
            fingerprint: done.fingerprint,
            transfer: done.transfer,
        });
        if let Some(decision) = decision {
            layers.push((decision.role.clone(), done.layer.diff_id));
            draft.push_layer(done.layer);
        }
    }
    Assembled {
        draft,
        layers,
        exported,
    }
}
