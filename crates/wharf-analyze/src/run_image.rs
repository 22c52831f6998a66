//! Which run image the build takes.
use crate::{AnalyzeError, AnalyzeInputs, Candidate, RunImageInput};
use std::error::Error;
use wharf_image::{Image, ImageStore, StoreError, StoreErrorKind};
use wharf_spec::{
    api::BaseContract,
    files::{analyzed::RunImage, run::RunImageMetadata},
    reference::Reference,
};

/// The run image of the build, read and described.
pub(crate) fn resolve(
    inputs: &AnalyzeInputs,
    store: &dyn ImageStore,
) -> Result<RunImage, AnalyzeError> {
    let (reference, image) = match &inputs.run_image {
        RunImageInput::Named(reference) => named(inputs, reference, store)?,
        RunImageInput::Candidates(entry) => first_readable(inputs, entry, store)?,
    };
    describe(inputs, &reference, &image, store)
}

fn named(
    inputs: &AnalyzeInputs,
    reference: &Reference,
    store: &dyn ImageStore,
) -> Result<(Reference, Image), AnalyzeError> {
    let image = store
        .find(reference, &inputs.platform)
        .map_err(AnalyzeError::ReadRunImage)?
        .ok_or_else(|| AnalyzeError::RunImageNotFound {
            reference: reference.to_string(),
        })?;
    Ok((reference.clone(), image))
}

/// The best name of `entry`. Each name is read at most once, and the image read is the one used.
fn first_readable(
    inputs: &AnalyzeInputs,
    entry: &RunImageMetadata,
    store: &dyn ImageStore,
) -> Result<(Reference, Image), AnalyzeError> {
    if entry.image.is_empty() {
        return Err(AnalyzeError::NoRunImageNamed);
    }
    let mut found: Option<(Reference, Image)> = None;
    let mut failed: Vec<(Reference, Option<StoreError>)> = Vec::new();
    let mut readable = |reference: &Reference| match store.find(reference, &inputs.platform) {
        Ok(Some(image)) => {
            found = Some((reference.clone(), image));
            true
        }
        Ok(None) => {
            failed.push((reference.clone(), None));
            false
        }
        Err(error) => {
            failed.push((reference.clone(), Some(error)));
            false
        }
    };
    let name = wharf_image::run_image::best(entry, inputs.output.registry(), &mut readable);
    match (name, found) {
        (Some(_), Some(found)) => Ok(found),
        _ => Err(none_readable(entry, failed)),
    }
}

/// A run image for another platform is told apart: trying other names would not help.
fn none_readable(
    entry: &RunImageMetadata,
    failed: Vec<(Reference, Option<StoreError>)>,
) -> AnalyzeError {
    let mut candidates = Vec::new();
    for (reference, error) in failed {
        let reason = match error {
            None => "there is no such image".to_owned(),
            Some(error) if matches!(error.kind, StoreErrorKind::WrongPlatform { .. }) => {
                return AnalyzeError::ReadRunImage(error);
            }
            Some(error) => chain(&error),
        };
        candidates.push(Candidate {
            reference: reference.to_string(),
            reason,
        });
    }
    let names = std::iter::once(&entry.image).chain(&entry.mirrors);
    for name in names.filter(|name| !name.is_empty()) {
        if let Err(error) = name.parse::<Reference>() {
            candidates.push(Candidate {
                reference: name.clone(),
                reason: error.rule.to_owned(),
            });
        }
    }
    AnalyzeError::NoRunImage { candidates }
}

fn chain(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn describe(
    inputs: &AnalyzeInputs,
    reference: &Reference,
    image: &Image,
    store: &dyn ImageStore,
) -> Result<RunImage, AnalyzeError> {
    let actual = image.platform();
    if actual.os.is_empty() {
        return Err(AnalyzeError::NoOs {
            reference: reference.to_string(),
        });
    }
    if !actual.serves(&inputs.platform) {
        return Err(AnalyzeError::WrongPlatform {
            reference: reference.to_string(),
            actual: actual.to_string(),
            wanted: inputs.platform.to_string(),
        });
    }
    let mut described = RunImage {
        reference: store.identify(reference, image),
        ..RunImage::default()
    };
    if inputs.base_contract == BaseContract::Target {
        described.image = reference.to_string();
        described.target = Some(image.target());
    }
    Ok(described)
}
