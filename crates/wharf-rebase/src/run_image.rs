//! Which run image is the new base.
use crate::{RebaseError, RebaseInputs, find_for_any};
use std::thread::{Scope, ScopedJoinHandle};
use wharf_image::{Image, ImageStore, Platform, StoreError};
use wharf_spec::{
    api::BaseContract, files::run::RunImageMetadata, labels::lifecycle::LifecycleMetadata,
    reference::Reference,
};

/// Reads the run image that was asked for while the app image is read; most are for the same platform.
pub(crate) fn read_ahead<'scope>(
    scope: &'scope Scope<'scope, '_>,
    inputs: &'scope RebaseInputs,
    store: &'scope dyn ImageStore,
) -> Option<ScopedJoinHandle<'scope, Option<Image>>> {
    let reference = inputs.run_image.as_ref()?;
    // A failure is reported when its turn comes.
    Some(scope.spawn(|| store.find(reference, &inputs.platform).ok().flatten()))
}

/// The run image that was asked for, else the best readable name the app image records.
pub(crate) fn find(
    inputs: &RebaseInputs,
    metadata: &LifecycleMetadata,
    (wanted, ahead): (&Platform, Option<Image>),
    store: &dyn ImageStore,
) -> Result<(Reference, Image), RebaseError> {
    let read = |reference: &Reference| {
        if inputs.force {
            // A forced rebase takes the target of whatever the run image is.
            find_for_any(reference, wanted, store)
        } else {
            store.find(reference, wanted)
        }
    };
    if let Some(reference) = &inputs.run_image {
        if let Some(image) = ahead.filter(|_| *wanted == inputs.platform) {
            return Ok((reference.clone(), image));
        }
        return read(reference)
            .map_err(RebaseError::ReadRunImage)?
            .map(|image| (reference.clone(), image))
            .ok_or_else(|| RebaseError::RunImageNotFound {
                reference: reference.to_string(),
            });
    }
    let entry = recorded(metadata, inputs.features.base_contract).ok_or_else(|| {
        RebaseError::NoRunImageNamed {
            reference: inputs.app_image.to_string(),
        }
    })?;
    let registry = inputs.outputs.first().map_or("", Reference::registry);
    let mut found = None;
    let mut failure: Option<StoreError> = None;
    let mut readable = |reference: &Reference| match read(reference) {
        Ok(Some(image)) => {
            found = Some((reference.clone(), image));
            true
        }
        Ok(None) => false,
        Err(error) => {
            failure.get_or_insert(error);
            false
        }
    };
    wharf_image::run_image::best(&entry, registry, &mut readable);
    match (found, failure) {
        (Some(found), _) => Ok(found),
        (None, Some(error)) => Err(RebaseError::ReadRunImage(error)),
        (None, None) => Err(RebaseError::RunImageNotFound {
            reference: entry.image,
        }),
    }
}

/// Names of the run image: the new member of the label, else the one older readers and writers know.
fn recorded(metadata: &LifecycleMetadata, contract: BaseContract) -> Option<RunImageMetadata> {
    let run_image = &metadata.run_image;
    if contract == BaseContract::Target && !run_image.image.is_empty() {
        return Some(RunImageMetadata {
            image: run_image.image.clone(),
            mirrors: run_image.mirrors.clone(),
        });
    }
    metadata
        .stack
        .as_ref()
        .map(|stack| stack.run_image.clone())
        .filter(|entry| !entry.image.is_empty() || !entry.mirrors.is_empty())
}

/// Whether `reference` is in one of the repositories that the app image records for its run image.
pub(crate) fn is_recorded(metadata: &LifecycleMetadata, reference: &Reference) -> bool {
    recorded(metadata, BaseContract::Target).is_some_and(|entry| {
        std::iter::once(&entry.image)
            .chain(&entry.mirrors)
            .filter_map(|name| name.parse::<Reference>().ok())
            .any(|name| name.same_repository(reference))
    })
}
