//! What restored files look like, so that the exporter need not read those that nobody touches.
use crate::{RestoreInputs, RestoredLayer};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use wharf_layer::{LayerContent, LayerError, fingerprint::Taken};
use wharf_spec::{
    files::fingerprints::{Fingerprints, Seen},
    log::Log,
};

/// Fingerprints of the layers where the file system can be trusted; of the others there is none, which costs work only.
pub(crate) fn take(
    inputs: &RestoreInputs,
    layers: &[RestoredLayer],
    log: &dyn Log,
) -> Fingerprints {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut taken = Vec::new();
        while let Some(layer) = layers.get(next.fetch_add(1, Ordering::Relaxed)) {
            match look(inputs, layer) {
                Ok(Some(fingerprint)) => taken.push((layer, fingerprint)),
                Ok(None) => {}
                Err(error) => log.debug(&format!("No fingerprint of '{}': {error}", layer.name)),
            }
        }
        taken
    };
    let workers = inputs.workers.get().min(layers.len());
    let taken: Vec<(&RestoredLayer, Taken)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        ended.flat_map(Result::unwrap_or_default).collect()
    });
    let mut seen: Vec<Seen> = taken.iter().filter_map(settle).collect();
    seen.sort_by(|one, other| one.root.cmp(&other.root));
    Fingerprints { seen }
}

fn look(inputs: &RestoreInputs, layer: &RestoredLayer) -> Result<Option<Taken>, LayerError> {
    let content = LayerContent::Tree {
        root: layer.path.clone(),
        owner: inputs.owner,
    };
    content.fingerprint()
}

fn settle((layer, taken): &(&RestoredLayer, Taken)) -> Option<Seen> {
    let taken = taken.settle()?;
    Some(Seen {
        root: layer.path.to_str()?.to_owned(),
        fingerprint: taken.fingerprint(),
        newest: taken.newest(),
        diff_id: layer.diff_id,
    })
}
