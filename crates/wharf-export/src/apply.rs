//! Carries the decisions out.
use crate::{
    Change, Decision, ExportError, ExportInputs, ExportedLayer, Handoff, Role,
    announce::Announcer,
    make::Maker,
    recognise::{Recognised, Recogniser},
    room::{self, EarlyJudge, Way},
    save, time,
    transfer::{self, Done, Line, Made},
};
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ScopedJoinHandle},
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
    pub(crate) above: Vec<(Role, Digest)>,
    /// Every layer.
    pub(crate) layers: Layers,
}

/// The layers of an image, lowest first.
#[derive(Debug)]
pub(crate) enum Layers {
    /// They are in the repository.
    There(Vec<Done>),
    /// They are held here until it is sure that they fit.
    Held(Vec<Made>),
}

/// Run image and previous image, side by side, and what `meanwhile` makes of the time; it is told when they are there,
/// and at once when there is no previous image.
pub(crate) fn find_images<T: Send>(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    store: &dyn ImageStore,
    meanwhile: impl FnOnce(&AtomicBool) -> T + Send,
) -> Result<(Located, Option<Located>, T), ExportError> {
    let enough = AtomicBool::new(handoff.analyzed.previous_reference().is_none());
    thread::scope(|scope| {
        let meanwhile = scope.spawn(|| meanwhile(&enough));
        let previous = scope.spawn(|| find_previous(inputs, handoff, store));
        let base = find_base(inputs, handoff, store);
        let previous = ended(previous);
        enough.store(true, Ordering::Relaxed);
        Ok((base?, previous?, ended(meanwhile)))
    })
}

pub(crate) fn ended<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The run image that `analyzed.toml` names.
fn find_base(
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
fn find_previous(
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

/// Makes every layer and, unless it has to be weighed first, brings it to the repository of the first output.
pub(crate) fn assemble(
    inputs: &ExportInputs,
    (decisions, recognised): (&[Decision], &[OnceLock<Recognised>]),
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
        recogniser: Recogniser { inputs, cache },
        previous,
        family: draft.family(),
        keep_history,
        log,
    };
    let base = draft.layers().iter().map(Work::Base);
    let decided = decisions.iter().zip(recognised);
    let decided = decided.map(|(decision, recognised)| Work::Decided(decision, recognised.get()));
    let works: Vec<Work<'_>> = base.chain(decided).collect();
    let mut announcer = Announcer::new(log);
    let way = room::way(inputs, draft.layers(), (decisions, previous), log);
    let mut line = Line {
        works: &works,
        makers: inputs.encoder.workers(),
        make: &|work| match work {
            Work::Base(layer) => Ok(of_base(layer, previous)),
            Work::Decided(decision, recognised) => maker.make(decision, *recognised),
        },
        announce: &mut |work, made| {
            if let Work::Decided(decision, _) = work {
                announcer.announce(decision, made);
            }
        },
    };
    let layers = match way {
        Way::AsMade => Layers::There(transfer::run(
            store,
            save::first_output(inputs)?,
            &mut line,
        )?),
        Way::Weighed => {
            let mut early = EarlyJudge::new(inputs, store);
            Layers::Held(transfer::make(&mut line, &mut |held| early.judge(held))?)
        }
    };
    announcer.finish();
    Ok(put_together(draft, decisions, layers))
}

/// What a layer is made from.
enum Work<'a> {
    Base(&'a DraftLayer),
    Decided(&'a Decision, Option<&'a Recognised>),
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

/// Puts the layers onto the draft.
fn put_together(mut draft: ImageDraft, decisions: &[Decision], layers: Layers) -> Assembled {
    let base_count = draft.layers().len();
    let all: Vec<&DraftLayer> = match &layers {
        Layers::There(done) => done.iter().map(|done| &done.layer).collect(),
        Layers::Held(made) => made.iter().map(|made| &made.layer).collect(),
    };
    let mut above = Vec::new();
    for (layer, decision) in all.into_iter().skip(base_count).zip(decisions) {
        above.push((decision.role.clone(), layer.diff_id));
        draft.push_layer(layer.clone());
    }
    Assembled {
        draft,
        above,
        layers,
    }
}

/// What is said of layers that are in the repository.
pub(crate) fn describe(done: Vec<Done>) -> Vec<ExportedLayer> {
    let describe = |done: Done| ExportedLayer {
        name: done.name,
        diff_id: done.layer.diff_id,
        descriptor: done.layer.descriptor,
        change: done.change,
        fingerprint: done.fingerprint,
        transfer: done.transfer,
    };
    done.into_iter().map(describe).collect()
}
