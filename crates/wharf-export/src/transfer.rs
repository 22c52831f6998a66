//! Uploads beside encoding. At most [`UPLOADERS`] layers are being uploaded and one more waits, so that temporary
//! files stay few whatever the image's size.
use crate::ExportError;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};
use wharf_image::{DraftLayer, ImageStore, LayerSource, Transfer};
use wharf_spec::reference::Reference;

/// Uploads at a time.
const UPLOADERS: usize = 2;

/// A layer on its way.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) layer: DraftLayer,
}

/// A layer that is in the repository.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) layer: DraftLayer,
    pub(crate) transfer: Transfer,
}

/// Takes layers in order.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    sender: SyncSender<(usize, Item)>,
    sent: usize,
    has_failed: &'a AtomicBool,
}

impl Sink<'_> {
    /// Waits until an uploader is free. `false` when an upload has failed: there is no use in making more layers,
    /// and [`run`] returns the reason.
    pub(crate) fn send(&mut self, item: Item) -> bool {
        let index = self.sent;
        self.sent += 1;
        !self.has_failed.load(Ordering::Relaxed) && self.sender.send((index, item)).is_ok()
    }
}

type Uploaded = Vec<(usize, Result<Done, ExportError>)>;

/// Runs `produce`, uploading what it sends to `repository`; a store links layers to further ones itself. Returns what was sent, in order.
pub(crate) fn run(
    store: &dyn ImageStore,
    repository: &Reference,
    produce: impl FnOnce(&mut Sink<'_>) -> Result<(), ExportError>,
) -> Result<Vec<Done>, ExportError> {
    let has_failed = AtomicBool::new(false);
    let (sender, receiver) = sync_channel(0);
    let receiver = Arc::new(Mutex::new(receiver));
    let (produced, mut uploaded) = thread::scope(|scope| {
        let threads: Vec<_> = (0..UPLOADERS)
            .map(|_| {
                let (receiver, has_failed) = (Arc::clone(&receiver), &has_failed);
                scope.spawn(move || upload_all(store, repository, (&receiver, has_failed)))
            })
            .collect();
        // The uploaders own the receiver: when all have stopped, sending fails instead of waiting for ever.
        drop(receiver);
        let mut sink = Sink {
            sender,
            sent: 0,
            has_failed: &has_failed,
        };
        let produced = produce(&mut sink);
        drop(sink);
        let uploaded: Uploaded = threads
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

/// Uploads until there is no more, or until one upload fails.
fn upload_all(
    store: &dyn ImageStore,
    repository: &Reference,
    (receiver, has_failed): (&Mutex<Receiver<(usize, Item)>>, &AtomicBool),
) -> Uploaded {
    let mut uploaded = Vec::new();
    loop {
        let next = receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok((index, item)) = next else {
            return uploaded;
        };
        let result = upload(store, repository, item);
        let failed = result.is_err();
        uploaded.push((index, result));
        if failed {
            has_failed.store(true, Ordering::Relaxed);
            return uploaded;
        }
    }
}

/// Afterwards the layer is where it belongs, and its temporary file is freed.
fn upload(store: &dyn ImageStore, repository: &Reference, item: Item) -> Result<Done, ExportError> {
    let Item { name, mut layer } = item;
    let transfer = store
        .put_layer(repository, &layer)
        .map_err(|source| ExportError::Upload {
            layer: name,
            source,
        })?;
    layer.source = LayerSource::Repository(repository.clone());
    Ok(Done { layer, transfer })
}
