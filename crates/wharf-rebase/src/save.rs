//! Writes layers, image and tags.
use crate::{RebaseError, RebaseInputs, index::RebasedIndex, race};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use wharf_image::{DraftLayer, ImageStore, LayerSource, MovedTag, SealedImage, Stored, Transfer};
use wharf_spec::{
    digest::Digest,
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
    (read, sealed): (Digest, &SealedImage),
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Report, RebaseError> {
    let first = first_output(inputs)?;
    log.info(&format!("Saving {first}..."));
    put_blobs(first, sealed, store, log)?;
    let moved = race::check(inputs, (read, sealed.image.digest()), (store, log))?;
    put_image(sealed, &inputs.outputs, store)?;
    let written = Stored::of_image(&sealed.image);
    Ok(report(inputs, &written, (&[], &moved), log))
}

/// Writes the index, whose images are there, to every output.
pub(crate) fn save_index(
    inputs: &RebaseInputs,
    (read, rebased): (Digest, &RebasedIndex),
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Report, RebaseError> {
    let first = first_output(inputs)?;
    log.info(&format!("Saving {first}..."));
    let moved = race::check(inputs, (read, rebased.index.digest()), (store, log))?;
    store
        .write_manifest(&rebased.index, &inputs.outputs)
        .map_err(RebaseError::Save)?;
    read_back(&rebased.index, &inputs.outputs, store)?;
    let unchanged = rebased.unchanged.as_slice();
    Ok(report(inputs, &rebased.index, (unchanged, &moved), log))
}

/// Writes an image whose layers are there, and looks whether it is what was written.
pub(crate) fn put_image(
    sealed: &SealedImage,
    outputs: &[Reference],
    store: &dyn ImageStore,
) -> Result<(), RebaseError> {
    store
        .put_image(sealed, outputs)
        .map_err(RebaseError::Save)?;
    read_back(&Stored::of_image(&sealed.image), outputs, store)
}

/// The digest of a manifest pins config and layers, which a store compares when they are written.
fn read_back(
    written: &Stored,
    outputs: &[Reference],
    store: &dyn ImageStore,
) -> Result<(), RebaseError> {
    for output in outputs {
        let found = store.read_manifest(output).map_err(RebaseError::Save)?;
        if found.as_ref().map(|found| &found.bytes) != Some(&written.bytes) {
            return Err(RebaseError::ReadBack {
                reference: output.to_string(),
                written: written.digest(),
                found: found
                    .map_or_else(|| "nothing".to_owned(), |found| found.digest().to_string()),
            });
        }
    }
    Ok(())
}

fn report(
    inputs: &RebaseInputs,
    written: &Stored,
    (unchanged, moved): (&[(String, RebaseError)], &[MovedTag]),
    log: &dyn Log,
) -> Report {
    let digest = written.digest();
    let manifest_size = written.bytes.len() as u64;
    log.info(&format!("*** Images ({digest}):"));
    for tag in &inputs.outputs {
        log.info(&format!("      {tag}"));
    }
    log.debug(&format!("*** Digest: {digest}"));
    log.debug(&format!("*** Manifest Size: {manifest_size}"));
    Report {
        build: None,
        image: ImageReport {
            tags: inputs.outputs.iter().map(ToString::to_string).collect(),
            image_id: String::new(),
            digest: digest.to_string(),
            manifest_size,
            unchanged: unchanged
                .iter()
                .map(|(platform, _)| platform.clone())
                .collect(),
            moved: moved.iter().map(MovedTag::reported).collect(),
        },
    }
}

/// Brings what is missing to the repository, config and several layers at a time.
pub fn put_blobs(
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
