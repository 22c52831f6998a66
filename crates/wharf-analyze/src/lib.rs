//! Finds the previous image and the run image, and describes them (platform spec, "analyzer").
//!
//! | module | what |
//! |---|---|
//! | [`inputs`] | what the phase is told |
//! | [`error`] | why it fails |
//! | `run_image` | which run image the build takes |
//! | `previous` | the previous image, its metadata and its SBOM |
pub mod error;
pub mod inputs;
mod previous;
mod run_image;

pub use error::{AnalyzeError, Candidate};
pub use inputs::{AnalyzeInputs, RunImageInput};

use wharf_image::{Access, ImageStore};
use wharf_spec::{files::analyzed::Analyzed, log::Log, reference::Reference};

/// Where images live.
#[derive(Debug, Clone, Copy)]
pub struct Stores<'a> {
    /// The images of the build.
    pub images: &'a dyn ImageStore,
    /// Cache images.
    pub caches: &'a dyn ImageStore,
}

/// Checks access to every image of the build, then describes the previous image and the run image.
///
/// Writes nothing but the SBOM files of the previous image below `<layers>/sbom/launch`.
pub fn analyze(
    inputs: &AnalyzeInputs,
    stores: Stores<'_>,
    log: &dyn Log,
) -> Result<Analyzed, AnalyzeError> {
    let store = stores.images;
    check_registries(inputs)?;
    let run_image = run_image::resolve(inputs, store, log)?;
    check_access(inputs, stores)?;
    let previous = previous::find(inputs, store, log)?;
    previous::restore_sbom(inputs, &previous, store, log)?;
    Ok(Analyzed {
        previous_image: Some(previous.identifier),
        metadata: Some(previous.metadata),
        run_image: Some(run_image),
        build_image: None,
    })
}

fn check_registries(inputs: &AnalyzeInputs) -> Result<(), AnalyzeError> {
    let other = inputs
        .additional_tags
        .iter()
        .find(|tag| tag.registry() != inputs.output.registry());
    match other {
        Some(tag) => Err(AnalyzeError::MultipleRegistries {
            first: inputs.output.to_string(),
            other: tag.to_string(),
        }),
        None => Ok(()),
    }
}

/// One check per repository and kind of access; the run image has been read by now.
fn check_access(inputs: &AnalyzeInputs, stores: Stores<'_>) -> Result<(), AnalyzeError> {
    ensure(stores.images, &inputs.previous_image, Access::Read)?;
    let outputs = std::iter::once(&inputs.output).chain(&inputs.additional_tags);
    let outputs = outputs.map(|reference| (stores.images, reference));
    let caches = inputs.cache_image.iter().map(|one| (stores.caches, one));
    let mut checked: Vec<(&dyn ImageStore, &Reference)> = Vec::new();
    for (store, reference) in outputs.chain(caches) {
        let is_seen = |seen: &(&dyn ImageStore, &Reference)| {
            std::ptr::addr_eq(seen.0, store) && seen.1.same_repository(reference)
        };
        if checked.iter().any(is_seen) {
            continue;
        }
        ensure(store, reference, Access::Read)?;
        ensure(store, reference, Access::Write)?;
        checked.push((store, reference));
    }
    Ok(())
}

fn ensure(
    store: &dyn ImageStore,
    reference: &Reference,
    access: Access,
) -> Result<(), AnalyzeError> {
    store
        .check_access(reference, access)
        .map_err(|source| AnalyzeError::Access {
            access: match access {
                Access::Read => "read",
                Access::Write => "read/write",
            },
            reference: reference.to_string(),
            source,
        })
}
