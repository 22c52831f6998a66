//! Whether the image fits, before its first byte is sent.
use crate::{Decision, ExportError, ExportInputs, LayerPlan, apply::Located, transfer::Made};
use wharf_image::{
    DraftLayer, ImageStore, LayerSource, NoRoom, Room, Rooms, SealedImage, StoreErrorKind,
    image::digest_of,
    room::{Part, Verdict, weigh},
};
use wharf_layer::LayerContent;
use wharf_spec::{log::Log, reference::Reference};

/// Bytes that config and manifest have at most, for a first guess.
const DOCUMENTS: u64 = 12 << 20;
/// What compressing adds at most to what cannot be compressed.
const OVERHEAD: u64 = 64 << 10;

/// Bytes of new layers before anybody looks whether they alone are too large.
const FIRST_LOOK: u64 = 16 << 20;

/// When layers are uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// While others are made: there is no limit, or everything fits at its worst.
    AsMade,
    /// When all are made and weighed.
    Weighed,
}

/// Chooses by the sizes of files; nothing is read or compressed for it.
pub(crate) fn way(
    inputs: &ExportInputs,
    base: &[DraftLayer],
    (decisions, previous): (&[Decision], Option<&Located>),
    log: &dyn Log,
) -> Way {
    let Some(rooms) = inputs.rooms.as_deref() else {
        return Way::AsMade;
    };
    for output in places(rooms, &inputs.outputs) {
        match rooms.room(output) {
            Room::Unlimited => {}
            Room::Unknown(why) => {
                log.debug(&format!("No quota is known for '{output}': {why}"));
            }
            Room::Limited(room) => {
                let worst = worst(rooms, output, base, (decisions, previous));
                if !worst.is_some_and(|bytes| room.fits(bytes)) {
                    log.debug(&format!(
                        "Nothing is sent to '{output}' before it is sure to fit into {}",
                        room.place
                    ));
                    return Way::Weighed;
                }
            }
        }
    }
    Way::AsMade
}

/// One output for each place.
fn places<'a>(rooms: &dyn Rooms, outputs: &'a [Reference]) -> Vec<&'a Reference> {
    let mut places: Vec<&Reference> = Vec::new();
    for output in outputs {
        if !places
            .iter()
            .any(|known| rooms.is_same_place(known, output))
        {
            places.push(output);
        }
    }
    places
}

/// Bytes that are added if no layer can be compressed and none is there; `None` when that cannot be told.
fn worst(
    rooms: &dyn Rooms,
    output: &Reference,
    base: &[DraftLayer],
    (decisions, previous): (&[Decision], Option<&Located>),
) -> Option<u64> {
    let mut sum = DOCUMENTS;
    for layer in base {
        if !is_in_place(rooms, layer, output) {
            sum = sum.checked_add(layer.descriptor.size)?;
        }
    }
    if let Some(previous) = previous
        && !rooms.is_same_place(&previous.reference, output)
    {
        for layer in previous.image.layers() {
            sum = sum.checked_add(layer.descriptor.size)?;
        }
    }
    for decision in decisions {
        sum = match &decision.plan {
            LayerPlan::Reuse(_) => sum,
            LayerPlan::HashFirst(content, _) | LayerPlan::Encode(content) => {
                sum.checked_add(expanded(content)?)?
            }
        };
    }
    Some(sum)
}

fn expanded(content: &LayerContent) -> Option<u64> {
    let size = content.archive_size().ok()?;
    size.checked_add(size / 64 + OVERHEAD)
}

fn is_in_place(rooms: &dyn Rooms, layer: &DraftLayer, output: &Reference) -> bool {
    matches!(&layer.source, LayerSource::Repository(from) if rooms.is_same_place(from, output))
}

/// Refuses an image that does not fit where it is to go.
pub(crate) fn check(
    inputs: &ExportInputs,
    made: &[Made],
    sealed: &SealedImage,
    (store, log): (&dyn ImageStore, &dyn Log),
) -> Result<(), ExportError> {
    let documents = [
        ("config", sealed.image.config_bytes()),
        ("manifest", sealed.image.manifest_bytes()),
    ];
    let documents = documents.map(|(name, bytes)| Part {
        name,
        digest: digest_of(bytes),
        size: bytes.len() as u64,
        source: None,
    });
    let parts: Vec<_> = parts(made).chain(documents).collect();
    judge(inputs, &parts, store, &mut |no_room| {
        log.warn(&unsure(&no_room));
    })
}

/// Ends the work as soon as what is made alone does not fit.
pub(crate) struct EarlyJudge<'a> {
    inputs: &'a ExportInputs,
    store: &'a dyn ImageStore,
    /// Bytes at which to look next: twice as many as last time, since looking costs requests.
    next: u64,
}

impl<'a> EarlyJudge<'a> {
    pub(crate) fn new(inputs: &'a ExportInputs, store: &'a dyn ImageStore) -> Self {
        Self {
            inputs,
            store,
            next: FIRST_LOOK,
        }
    }

    pub(crate) fn judge(&mut self, held: &[Made]) -> Result<(), ExportError> {
        let is_new = |made: &&Made| matches!(made.layer.source, LayerSource::Bytes(_));
        let new = held.iter().filter(is_new);
        let bytes = new.map(|made| made.layer.descriptor.size).sum::<u64>();
        if bytes < self.next {
            return Ok(());
        }
        self.next = bytes.saturating_mul(2);
        let parts: Vec<_> = parts(held).collect();
        judge(self.inputs, &parts, self.store, &mut |_| {})
    }
}

fn parts(made: &[Made]) -> impl Iterator<Item = Part<'_>> {
    made.iter().map(|made| {
        let source = match &made.layer.source {
            LayerSource::Repository(from) => Some(from),
            LayerSource::Bytes(_) => None,
        };
        Part::of(&made.name, &made.layer.descriptor, source)
    })
}

fn judge(
    inputs: &ExportInputs,
    parts: &[Part<'_>],
    store: &dyn ImageStore,
    unsure: &mut dyn FnMut(NoRoom),
) -> Result<(), ExportError> {
    let Some(rooms) = inputs.rooms.as_deref() else {
        return Ok(());
    };
    for output in places(rooms, &inputs.outputs) {
        match weigh((store, rooms), output, parts) {
            Verdict::Fits => {}
            Verdict::Unsure(no_room) => unsure(no_room),
            Verdict::TooLarge(no_room) => return Err(ExportError::NoRoom(Box::new(no_room))),
        }
    }
    Ok(())
}

fn unsure(no_room: &NoRoom) -> String {
    format!(
        "Going on although it is not known whether other repositories hold some of it: {no_room}"
    )
}

/// After a refusal in the middle: says what could go.
pub(crate) fn advise(inputs: &ExportInputs, error: &ExportError, log: &dyn Log) {
    let (ExportError::Upload {
        source: refused, ..
    }
    | ExportError::Save(refused)) = error
    else {
        return;
    };
    if let StoreErrorKind::QuotaExceeded { .. } = refused.kind
        && let (Some(rooms), Some(output)) = (inputs.rooms.as_deref(), inputs.outputs.first())
        && let Some(freeable) = rooms.freeable(output)
    {
        log.warn(&format!("No room is left for '{output}': {freeable}"));
    }
}
