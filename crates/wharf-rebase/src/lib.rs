//! Swaps the run image layers under an app image (platform spec, "rebaser").
//!
//! | module | what |
//! |---|---|
//! | [`check`] | whether the new base fits the app; pure |
//! | [`labels`] | labels and metadata of the rebased image; pure |
//! | `run_image` | which run image is the new base |
//! | `save` | writes layers, image and tags |
//! | [`error`] | why a rebase fails |
pub mod check;
pub mod error;
pub mod labels;
mod run_image;
mod save;

pub use check::{Problem, check};
pub use error::RebaseError;

use std::thread::{self, ScopedJoinHandle};
use wharf_image::{Image, ImageDraft, ImageStore, Platform, SealedImage, StoreError};
use wharf_spec::{
    api::PlatformFeatures, files::report::Report, labels::lifecycle::LifecycleMetadata, log::Log,
    reference::Reference,
};

/// Inputs of [`rebase`].
#[derive(Debug, Clone)]
pub struct RebaseInputs {
    /// The image to rebase: the previous image, else the first output.
    pub app_image: Reference,
    /// Where the rebased image goes: at least one, all on one registry.
    pub outputs: Vec<Reference>,
    /// The new base; `None` takes the best name recorded in the app image.
    pub run_image: Option<Reference>,
    /// Whether problems are warnings.
    pub force: bool,
    /// What is read from an index.
    pub platform: Platform,
    /// The choices of the Platform API of this invocation.
    pub features: PlatformFeatures,
}

/// Rebases the app image and writes it to every output. The image that was read stays as it is unless it is also
/// an output. Layers move only where the store can neither find nor mount them.
pub fn rebase(
    inputs: &RebaseInputs,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Report, RebaseError> {
    save::first_output(inputs)?;
    let (app, ahead) = thread::scope(|scope| {
        let ahead = run_image::read_ahead(scope, inputs, store);
        (read_app(inputs, store), ahead.and_then(joined))
    });
    let app = app?;
    let metadata = labels::read(&app).map_err(|source| RebaseError::Metadata {
        reference: inputs.app_image.to_string(),
        source,
    })?;
    let (run_reference, base) =
        run_image::find(inputs, &metadata, (&app.platform(), ahead), store)?;
    log.info(&format!(
        "Rebasing {} on run image {run_reference}",
        inputs.app_image
    ));
    refuse_or_warn(
        inputs,
        check(inputs, &app, &metadata, (&run_reference, &base)),
        log,
    )?;
    let new_base = labels::NewBase {
        image: &base,
        reference: &run_reference,
        identifier: store.identify(&run_reference, &base),
    };
    let mut draft = draft(inputs, &app, &metadata, &new_base)?;
    draft.set_family(store.family(draft.family()));
    let sealed = seal(draft)?;
    save::save(inputs, &sealed, store, log)
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn read_app(inputs: &RebaseInputs, store: &dyn ImageStore) -> Result<Image, RebaseError> {
    find_for_any(&inputs.app_image, &inputs.platform, store)
        .map_err(RebaseError::ReadApp)?
        .ok_or_else(|| RebaseError::AppNotFound {
            reference: inputs.app_image.to_string(),
        })
}

/// The image at `reference`: `platform` chooses from an index; an image that stands alone is taken whatever it runs on.
pub fn find_for_any(
    reference: &Reference,
    platform: &Platform,
    store: &dyn ImageStore,
) -> Result<Option<Image>, StoreError> {
    match store.find(reference, platform) {
        Err(error) if error.is_wrong_platform() => {
            store.find(reference, &Platform::any()).map_err(|_| error)
        }
        result => result,
    }
}

fn refuse_or_warn(
    inputs: &RebaseInputs,
    problems: Vec<Problem>,
    log: &dyn Log,
) -> Result<(), RebaseError> {
    if inputs.force {
        for problem in &problems {
            log.warn(&problem.to_string());
        }
        return Ok(());
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(RebaseError::Refused { problems })
    }
}

/// The rebased image.
fn draft(
    inputs: &RebaseInputs,
    app: &Image,
    metadata: &LifecycleMetadata,
    base: &labels::NewBase<'_>,
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
