//! Writes layers, image and tags.
use crate::{RebaseError, RebaseInputs};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use wharf_image::{DraftLayer, ImageStore, LayerSource, SealedImage, Transfer};
use wharf_spec::{
    files::report::{ImageReport, Report},
    log::Log,
    reference::Reference,
};

const CONCURRENT_LAYERS: usize = 4;

/// The first output; there must be one, and all must be on its registry.
pub(crate) fn first_output(inputs: &RebaseInputs) -> Result<&Reference, RebaseError> {
    let first = inputs.outputs.first().ok_or(RebaseError::NoOutput)?;
    let other = inputs
        .outputs
        .iter()
        .find(|output| output.registry() != first.registry());
    match other {
        Some(other) => Err(RebaseError::MultipleRegistries {
            first: first.to_string(),
            other: other.to_string(),
        }),
        None => Ok(first),
    }
}

pub(crate) fn save(
    inputs: &RebaseInputs,
    sealed: &SealedImage,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Report, RebaseError> {
    let first = first_output(inputs)?;
    log.info(&format!("Saving {first}..."));
    put_blobs(first, sealed, store, log)?;
    let written = store
        .put_image(sealed, &inputs.outputs)
        .map_err(RebaseError::Save)?;
    log.info(&format!("*** Images ({}):", written.digest));
    for tag in &written.tags {
        log.info(&format!("      {tag}"));
    }
    log.debug(&format!("*** Digest: {}", written.digest));
    log.debug(&format!("*** Manifest Size: {}", written.manifest_size));
    Ok(Report {
        build: None,
        image: ImageReport {
            tags: written.tags.iter().map(ToString::to_string).collect(),
            image_id: String::new(),
            digest: written.digest.to_string(),
            manifest_size: written.manifest_size,
        },
    })
}

/// Brings what is missing to the repository, config and several layers at a time.
fn put_blobs(
    to: &Reference,
    sealed: &SealedImage,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<(), RebaseError> {
    let is_there = |layer: &&DraftLayer| matches!(&layer.source, LayerSource::Repository(from) if store.is_shared(from, to));
    let (there, missing): (Vec<_>, Vec<_>) = sealed.layers.iter().partition(is_there);
    for layer in there {
        log.debug(&format!(
            "Layer {}: {:?}",
            layer.diff_id,
            Transfer::Existing
        ));
    }
    let next = AtomicUsize::new(0);
    let put = || {
        let mut transfers = Vec::new();
        while let Some(layer) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
            let transfer = store.put_layer(to, layer).map_err(RebaseError::Save)?;
            transfers.push((layer.diff_id, transfer));
        }
        Ok(transfers)
    };
    let transfers = thread::scope(|scope| {
        let threads: Vec<_> = (0..missing.len().min(CONCURRENT_LAYERS))
            .map(|_| scope.spawn(put))
            .collect();
        let config = store.put_config(to, sealed);
        let transfers = threads.into_iter().map(crate::joined);
        let transfers = transfers.collect::<Result<Vec<_>, _>>()?;
        config.map_err(RebaseError::Save)?;
        Ok(transfers)
    })?;
    for (diff_id, transfer) in transfers.into_iter().flatten() {
        log.debug(&format!("Layer {diff_id}: {transfer:?}"));
    }
    Ok(())
}
