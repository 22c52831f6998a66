//! The rebased image, made of two images without touching a store.
use crate::{Problem, RebaseError, RebaseInputs, check, labels};
use wharf_image::{Family, Image, ImageDraft, SealedImage};
use wharf_spec::{labels::lifecycle::LifecycleMetadata, reference::Reference};

/// What an image is put on.
#[derive(Debug, Clone)]
pub struct Base<'a> {
    /// The image.
    pub image: &'a Image,
    /// The name it was read by.
    pub reference: &'a Reference,
    /// How metadata name it: with its digest.
    pub identifier: String,
}

/// A rebased image that is not written yet.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The image.
    pub sealed: SealedImage,
    /// What spoke against it, when the rebase was forced.
    pub problems: Vec<Problem>,
}

/// Puts `app` on `base`. `family` says in which family a store writes an image of another
/// (see [`ImageStore::family`](wharf_image::ImageStore::family)). The result is one that every runtime accepts.
pub fn prepare(
    inputs: &RebaseInputs,
    app: &Image,
    base: &Base<'_>,
    family: &dyn Fn(Family) -> Family,
) -> Result<Prepared, RebaseError> {
    let metadata = metadata(inputs, app)?;
    let problems = check(inputs, app, &metadata, (base.reference, base.image));
    if !problems.is_empty() && !inputs.force {
        return Err(RebaseError::Refused { problems });
    }
    let mut draft = draft(inputs, app, &metadata, base)?;
    draft.set_family(family(draft.family()));
    let sealed = seal(draft)?;
    Ok(Prepared { sealed, problems })
}

/// What the app image says of how it was made.
pub(crate) fn metadata(
    inputs: &RebaseInputs,
    app: &Image,
) -> Result<LifecycleMetadata, RebaseError> {
    labels::read(app).map_err(|source| RebaseError::Metadata {
        reference: inputs.app_image.to_string(),
        source,
    })
}

fn draft(
    inputs: &RebaseInputs,
    app: &Image,
    metadata: &LifecycleMetadata,
    base: &Base<'_>,
) -> Result<ImageDraft, RebaseError> {
    let no_top_layer = || RebaseError::NoTopLayer {
        reference: inputs.app_image.to_string(),
        top_layer: metadata.run_image.top_layer.clone(),
    };
    let old_top = metadata.run_image.top_layer.parse();
    let mut draft = ImageDraft::rebase(
        app,
        &inputs.app_image,
        old_top.map_err(|_| no_top_layer())?,
        base.image,
        base.reference,
    )
    .ok_or_else(no_top_layer)?;
    labels::update(&mut draft, inputs, app, base)?;
    if inputs.force {
        draft.set_platform(&base.image.platform());
    }
    Ok(draft)
}

/// Fixes the bytes and judges them before anything is written.
fn seal(draft: ImageDraft) -> Result<SealedImage, RebaseError> {
    let sealed = draft.seal().map_err(RebaseError::Seal)?;
    let faults = wharf_image::validate::validate(&sealed.image);
    if faults.is_empty() {
        Ok(sealed)
    } else {
        Err(RebaseError::Invalid { faults })
    }
}
