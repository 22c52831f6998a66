//! Whether the run image can still be read, and what of its description is missing.
use crate::{RestoreError, RestoreInputs};
use wharf_image::{Image, ImageStore};
use wharf_spec::{
    api::BaseContract,
    files::{
        analyzed::{Analyzed, RunImage},
        run::RunImageMetadata,
    },
    log::Log,
    reference::Reference,
};

/// The new `analyzed.toml` when the run image is read from another name, or when its digest or target were missing.
pub(crate) fn look_again(
    inputs: &RestoreInputs,
    analyzed: &Analyzed,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Option<Analyzed>, RestoreError> {
    let Some(run_image) = &analyzed.run_image else {
        return Ok(None);
    };
    let listed = entry_of(inputs, run_image).filter(|_| inputs.features.restore_resolves_mirrors);
    let incomplete = inputs.features.base_contract == BaseContract::Target
        && (run_image.reference.is_empty() || run_image.target.is_none());
    let by_tag = inputs.features.restore_resolves_mirrors && is_by_tag(run_image, store);
    if listed.is_none() && !incomplete && !by_tag {
        return Ok(None);
    }
    let (reference, image) = find(inputs, run_image, listed, store)?;
    let mut updated = run_image.clone();
    let now = store.identify(&reference, &image);
    if updated.reference.is_empty() || by_tag || !is_recorded(run_image, &reference, store) {
        log.debug(&format!("Run image is read from {now}"));
        updated.reference = now;
    }
    if inputs.features.base_contract == BaseContract::Target && updated.target.is_none() {
        updated.target = Some(image.target());
    }
    Ok((updated != *run_image).then(|| Analyzed {
        run_image: Some(updated),
        ..analyzed.clone()
    }))
}

fn is_recorded(run_image: &RunImage, reference: &Reference, store: &dyn ImageStore) -> bool {
    store
        .locate(&run_image.reference)
        .is_ok_and(|recorded| recorded == *reference)
}

/// Whether what is recorded may become another image before the exporter reads it.
fn is_by_tag(run_image: &RunImage, store: &dyn ImageStore) -> bool {
    let recorded = store.locate(&run_image.reference);
    recorded.is_ok_and(|reference| reference.digest().is_none())
}

fn entry_of<'a>(inputs: &'a RestoreInputs, run_image: &RunImage) -> Option<&'a RunImageMetadata> {
    let wanted: Reference = run_image.image.parse().ok()?;
    inputs.run_images.images.iter().find(|entry| {
        std::iter::once(&entry.image)
            .chain(&entry.mirrors)
            .filter_map(|name| name.parse::<Reference>().ok())
            .any(|name| name == wanted)
    })
}

/// The recorded reference when it can be read, else the best name of its entry in `run.toml`.
fn find(
    inputs: &RestoreInputs,
    run_image: &RunImage,
    listed: Option<&RunImageMetadata>,
    store: &dyn ImageStore,
) -> Result<(Reference, Image), RestoreError> {
    let name = [&run_image.reference, &run_image.image]
        .into_iter()
        .find(|name| !name.is_empty())
        .map_or("", String::as_str);
    let recorded = store.locate(name).map_err(RestoreError::ReadRunImage)?;
    let failure = match store.find(&recorded, &inputs.platform) {
        Ok(Some(image)) => return Ok((recorded, image)),
        Ok(None) => None,
        Err(error) => Some(error),
    };
    let mut found = None;
    let mut readable = |reference: &Reference| match store.find(reference, &inputs.platform) {
        Ok(Some(image)) => {
            found = Some((reference.clone(), image));
            true
        }
        _ => false,
    };
    if let Some(entry) = listed {
        wharf_image::run_image::best(entry, recorded.registry(), &mut readable);
    }
    match (found, failure) {
        (Some(found), _) => Ok(found),
        (None, Some(error)) if listed.is_none() => Err(RestoreError::ReadRunImage(error)),
        (None, _) => Err(RestoreError::RunImageNotAccessible {
            image: if run_image.image.is_empty() {
                name.to_owned()
            } else {
                run_image.image.clone()
            },
        }),
    }
}
