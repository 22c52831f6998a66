//! Writes layers, image and tags.
use crate::{RebaseError, RebaseInputs};
use wharf_image::{ImageStore, SealedImage};
use wharf_spec::{
    files::report::{ImageReport, Report},
    log::Log,
    reference::Reference,
};

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
    for layer in &sealed.layers {
        let transfer = store.put_layer(first, layer).map_err(RebaseError::Save)?;
        log.debug(&format!("Layer {}: {transfer:?}", layer.diff_id));
    }
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
