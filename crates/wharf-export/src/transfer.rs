//! Layers are made side by side and uploaded as soon as they are ready, and all the while everything happens as if one
//! came after the other: they are announced and uploaded in order.
//!
//! At most [`UPLOADERS`] layers are being uploaded, and each maker holds one more, so that temporary files stay few
//! whatever the image's size.
use crate::{Change, ExportError};
use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};
use wharf_image::{DraftLayer, ImageStore, LayerSource, Transfer};
use wharf_layer::fingerprint::Taken;
use wharf_spec::reference::Reference;

/// Uploads at a time.
const UPLOADERS: usize = 4;

/// A layer that was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) layer: DraftLayer,
    pub(crate) change: Change,
    /// What its files looked like before they were read, when that is worth keeping.
    pub(crate) fingerprint: Option<Taken>,
}

/// A layer that is in the repository.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) name: String,
    pub(crate) layer: DraftLayer,
    pub(crate) change: Change,
    pub(crate) fingerprint: Option<Taken>,
    pub(crate) transfer: Transfer,
}

/// The layers of one image.
pub(crate) struct Line<'a, W> {
    /// What they are made from, in order.
    pub(crate) works: &'a [W],
    /// How many are made at a time.
    pub(crate) makers: NonZeroUsize,
    pub(crate) make: &'a Make<'a, W>,
    /// Told of each, in order.
    pub(crate) announce: &'a mut dyn FnMut(&W, &Made),
}

type Make<'a, W> = dyn Fn(&W) -> Outcome + Sync + 'a;
type Outcome = Result<Made, ExportError>;
type Uploaded = Vec<(usize, Result<Done, ExportError>)>;

/// Makes and uploads every layer to `repository`; a store links layers to further ones itself. Returns them in order,
/// or the first failure.
pub(crate) fn run<W: Sync>(
    store: &dyn ImageStore,
    repository: &Reference,
    line: &mut Line<'_, W>,
) -> Result<Vec<Done>, ExportError> {
    uploading((store, repository), |to_upload, stop| {
        produce(line, stop, &mut |index, made| {
            to_upload.send((index, made)).is_ok()
        })
    })
}

/// Makes every layer, and uploads none; their temporary files are held until they are. `judge` is shown all that is held
/// each time there is more, and may end it.
pub(crate) fn make<W: Sync>(
    line: &mut Line<'_, W>,
    judge: &mut dyn FnMut(&[Made]) -> Result<(), ExportError>,
) -> Result<Vec<Made>, ExportError> {
    let mut held = Vec::new();
    let mut judged = Ok(());
    produce(line, &AtomicBool::new(false), &mut |_, made| {
        held.push(made);
        judged = judge(&held);
        judged.is_ok()
    })?;
    judged.map(|()| held)
}

/// Uploads layers that were made, as [`run`] does.
pub(crate) fn send(
    store: &dyn ImageStore,
    repository: &Reference,
    made: Vec<Made>,
) -> Result<Vec<Done>, ExportError> {
    uploading((store, repository), |to_upload, stop| {
        for next in made.into_iter().enumerate() {
            if to_upload.send(next).is_err() {
                // An upload has failed, and its reason is among what was uploaded.
                stop.store(true, Ordering::Relaxed);
                break;
            }
        }
        Ok(())
    })
}

/// Uploads what `produce` sends, side by side.
fn uploading(
    (store, repository): (&dyn ImageStore, &Reference),
    produce: impl FnOnce(&SyncSender<(usize, Made)>, &AtomicBool) -> Result<(), ExportError>,
) -> Result<Vec<Done>, ExportError> {
    let stop = AtomicBool::new(false);
    let (to_upload, uploads) = sync_channel(0);
    let uploads = Arc::new(Mutex::new(uploads));
    let (produced, mut uploaded) = thread::scope(|scope| {
        let uploaders: Vec<_> = (0..UPLOADERS)
            .map(|_| {
                let (uploads, stop) = (Arc::clone(&uploads), &stop);
                scope.spawn(move || upload_all(store, repository, (&uploads, stop)))
            })
            .collect();
        // The uploaders own the receiver: when all have stopped, sending fails instead of waiting for ever.
        drop(uploads);
        let produced = produce(&to_upload, &stop);
        drop(to_upload);
        let uploaded: Uploaded = uploaders
            .into_iter()
            .flat_map(|thread| match thread.join() {
                Ok(uploaded) => uploaded,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect();
        (produced, uploaded)
    });
    uploaded.sort_by_key(|(index, _)| *index);
    let uploaded: Result<Vec<_>, _> = uploaded.into_iter().map(|(_, done)| done).collect();
    produced.and(uploaded)
}

/// Makes layers side by side and delivers them in order, until `deliver` takes no more.
fn produce<W: Sync>(
    line: &mut Line<'_, W>,
    stop: &AtomicBool,
    deliver: &mut dyn FnMut(usize, Made) -> bool,
) -> Result<(), ExportError> {
    let next = AtomicUsize::new(0);
    let (finished, made) = sync_channel(0);
    thread::scope(|scope| {
        for _ in 0..line.makers.get().min(line.works.len()) {
            let (finished, make) = (finished.clone(), line.make);
            let turn = (&next, line.works);
            scope.spawn(move || make_all(make, turn, &finished, stop));
        }
        drop(finished);
        let produced = hand_over(&made, line, deliver, stop);
        // Makers that wait to hand over a layer nobody wants stop now.
        drop(made);
        produced
    })
}

/// Makes layers until there are no more, or nobody takes them.
fn make_all<W>(
    make: &Make<'_, W>,
    (next, works): (&AtomicUsize, &[W]),
    finished: &SyncSender<(usize, Outcome)>,
    stop: &AtomicBool,
) {
    while !stop.load(Ordering::Relaxed) {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(work) = works.get(index) else {
            return;
        };
        if finished.send((index, make(work))).is_err() {
            return;
        }
    }
}

/// Brings what the makers finish into order, and delivers it.
fn hand_over<W>(
    made: &Receiver<(usize, Outcome)>,
    line: &mut Line<'_, W>,
    deliver: &mut dyn FnMut(usize, Made) -> bool,
    stop: &AtomicBool,
) -> Result<(), ExportError> {
    let mut early = BTreeMap::new();
    let mut works = line.works.iter().enumerate();
    let mut turn = works.next();
    for (index, outcome) in made {
        early.insert(index, outcome);
        while let Some((index, work)) = turn
            && let Some(outcome) = early.remove(&index)
        {
            let made = outcome.inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            (line.announce)(work, &made);
            if !deliver(index, made) {
                // An upload has failed, and its reason is among what was uploaded.
                stop.store(true, Ordering::Relaxed);
                return Ok(());
            }
            turn = works.next();
        }
    }
    Ok(())
}

/// Uploads until there is no more, or until one upload fails.
fn upload_all(
    store: &dyn ImageStore,
    repository: &Reference,
    (uploads, stop): (&Mutex<Receiver<(usize, Made)>>, &AtomicBool),
) -> Uploaded {
    let mut uploaded = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let next = uploads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok((index, made)) = next else {
            break;
        };
        let result = upload(store, repository, made);
        let failed = result.is_err();
        uploaded.push((index, result));
        if failed {
            stop.store(true, Ordering::Relaxed);
        }
    }
    uploaded
}

/// Afterwards the layer is where it belongs, and its temporary file is freed.
fn upload(store: &dyn ImageStore, repository: &Reference, made: Made) -> Result<Done, ExportError> {
    let Made {
        name,
        mut layer,
        change,
        fingerprint,
    } = made;
    let is_there =
        matches!(&layer.source, LayerSource::Repository(from) if store.is_shared(from, repository));
    let transfer = if is_there {
        Transfer::Existing
    } else {
        let put = store.put_layer(repository, &layer);
        put.map_err(|source| ExportError::Upload {
            layer: name.clone(),
            source,
        })?
    };
    layer.source = LayerSource::Repository(repository.clone());
    Ok(Done {
        name,
        layer,
        change,
        fingerprint,
        transfer,
    })
}
