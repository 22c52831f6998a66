//! Swaps the run image layers under an app image (platform spec, "rebaser").
//!
//! | module | what |
//! |---|---|
//! | [`check`] | whether the new base fits the app; pure |
//! | [`labels`] | labels and metadata of the rebased image; pure |
//! | [`prepare`] | the rebased image, made of two images; pure |
//! | [`index`] | an index whose images are rebased one by one |
//! | `run_image` | which run image is the new base |
//! | `race` | whether somebody else wrote the app image meanwhile |
//! | `save` | writes layers, image and tags |
//! | [`error`] | why a rebase fails |
pub mod check;
pub mod error;
pub mod index;
pub mod labels;
pub mod prepare;
mod race;
mod run_image;
mod save;

pub use check::{Problem, Subject, check};
pub use error::RebaseError;
pub use prepare::{Base, Prepared, prepare};
pub use save::put_blobs;

use std::thread::{self, ScopedJoinHandle};
use wharf_image::{
    Image, ImageStore, Platform, Referrer, StoreError, StoreErrorKind, Stored, TagRace,
    index::IndexEntry,
};
use wharf_spec::{
    api::PlatformFeatures, digest::Digest, files::report::Report, log::Log, reference::Reference,
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
    /// What happens when somebody else wrote the app image meanwhile.
    pub tag_race: TagRace,
    /// What is read from an index.
    pub platform: Platform,
    /// The choices of the Platform API of this invocation.
    pub features: PlatformFeatures,
}

/// What was found under the name of the app.
enum Found {
    Image(Image),
    Index(Stored, Vec<IndexEntry>),
}

/// Rebases the app image and writes it to every output; of an index every image that has a new base. The image that was
/// read stays as it is unless it is also an output. Layers move only where the store can neither find nor mount them.
/// What was written is read back and compared.
pub fn rebase(
    inputs: &RebaseInputs,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Report, RebaseError> {
    save::first_output(inputs)?;
    let (found, ahead) = thread::scope(|scope| {
        let ahead = run_image::read_ahead(scope, inputs, store);
        (read_app(inputs, store), ahead.and_then(joined))
    });
    let (report, old) = match found? {
        Found::Image(app) => {
            let old = app.digest();
            (rebase_image(inputs, (&app, ahead), store, log)?, vec![old])
        }
        Found::Index(stored, entries) => {
            let rebased = index::rebase(inputs, (&stored, &entries), store, log)?;
            let mut old = rebased.old.clone();
            old.push(stored.digest());
            (
                save::save_index(inputs, (stored.digest(), &rebased), store, log)?,
                old,
            )
        }
    };
    tell_of_referrers(inputs, &old, store, log);
    Ok(report)
}

fn rebase_image(
    inputs: &RebaseInputs,
    (app, ahead): (&Image, Option<Image>),
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Report, RebaseError> {
    let metadata = prepare::metadata(inputs, app)?;
    let (reference, image) = run_image::find(inputs, &metadata, (&app.platform(), ahead), store)?;
    log.info(&format!(
        "Rebasing {} on run image {reference}",
        inputs.app_image
    ));
    let base = Base {
        image: &image,
        reference: &reference,
        identifier: store.identify(&reference, &image),
    };
    let prepared = prepare(inputs, app, &base, &|family| store.family(family))?;
    for problem in &prepared.problems {
        log.warn(&problem.to_string());
    }
    save::save(inputs, (app.digest(), &prepared.sealed), store, log)
}

/// Signatures and the like are of what was signed; they do not come along.
fn tell_of_referrers(inputs: &RebaseInputs, old: &[Digest], store: &dyn ImageStore, log: &dyn Log) {
    for digest in old {
        match store.referrers(&inputs.app_image, *digest) {
            Ok(referrers) => {
                for Referrer {
                    digest: own,
                    artifact_type,
                } in referrers
                {
                    log.info(&format!(
                        "{own} ({artifact_type}) refers to {digest} and not to the rebased image"
                    ));
                }
            }
            Err(error) => log.debug(&format!("What refers to {digest} is unknown: {error}")),
        }
    }
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn read_app(inputs: &RebaseInputs, store: &dyn ImageStore) -> Result<Found, RebaseError> {
    let reference = &inputs.app_image;
    let stored = store
        .read_manifest(reference)
        .map_err(RebaseError::ReadApp)?
        .ok_or_else(|| RebaseError::AppNotFound {
            reference: reference.to_string(),
        })?;
    let entries = stored.entries().map_err(|error| {
        RebaseError::ReadApp(StoreError {
            action: "read image",
            reference: reference.to_string(),
            kind: StoreErrorKind::Image(error),
        })
    })?;
    match entries {
        Some(entries) => Ok(Found::Index(stored, entries)),
        None => store
            .read_image(reference, stored)
            .map(Found::Image)
            .map_err(RebaseError::ReadApp),
    }
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
