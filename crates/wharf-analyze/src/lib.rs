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

use std::thread::{self, ScopedJoinHandle};
use wharf_image::{Access, ImageStore};
use wharf_spec::{
    files::analyzed::{Analyzed, RunImage},
    log::Log,
    reference::Reference,
};

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
    let Answers {
        run_image,
        access,
        previous,
    } = ask(inputs, stores);
    let run_image = run_image?;
    log.debug(&format!("Run image is '{}'", run_image.reference));
    access?;
    let previous = previous::describe(inputs, previous?, store, log);
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

/// What the stores say.
struct Answers {
    run_image: Result<RunImage, AnalyzeError>,
    access: Result<(), AnalyzeError>,
    previous: Result<previous::Found, AnalyzeError>,
}

/// Asks everything at once: registries may be far away. Who reads the answers does so in the order of the phase.
fn ask(inputs: &AnalyzeInputs, stores: Stores<'_>) -> Answers {
    thread::scope(|scope| {
        let run_image = scope.spawn(|| run_image::resolve(inputs, stores.images));
        let access = scope.spawn(|| check_access(inputs, stores));
        let previous = previous::find(inputs, stores.images);
        Answers {
            run_image: joined(run_image),
            access: joined(access),
            previous,
        }
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// One check per repository and kind of access. The run image and the previous image are read anyway.
fn check_access(inputs: &AnalyzeInputs, stores: Stores<'_>) -> Result<(), AnalyzeError> {
    let is_read = |store: &dyn ImageStore, reference: &Reference| {
        std::ptr::addr_eq(store, stores.images) && reference.same_repository(&inputs.previous_image)
    };
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
        if !is_read(store, reference) {
            ensure(store, reference, Access::Read)?;
        }
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
