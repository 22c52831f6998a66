//! Assembles the app image and the next cache (platform spec, "exporter").
//!
//! | module | what |
//! |---|---|
//! | [`inputs`] | what the phase is told |
//! | [`collect`] | what lies in the layers directory |
//! | [`decide`](mod@decide) | the layers of the image in order, and which may be reused; pure |
//! | `transfer` | makes and uploads layers side by side, a bounded number in flight |
//! | `recognise` | finds out whether a layer is known |
//! | `apply`, `make`, `tee` | carry the decisions out |
//! | `room` | whether the image fits, before its first byte is sent |
//! | `announce` | says how each layer came about |
//! | `metadata` | the value of the lifecycle label |
//! | [`config`] | environment, entrypoint and labels; pure |
//! | `race` | whether somebody else wrote the tags meanwhile |
//! | `save` | writes image and tags |
//! | [`cache`] | the next cache |
//! | [`lifecycle_sbom`] | SBOM files of lifecycle and launcher |
//! | [`time`] | the creation time |
//! | [`error`] | why exporting fails |
mod announce;
mod apply;
pub mod cache;
pub mod collect;
pub mod config;
pub mod decide;
pub mod error;
mod files;
pub mod inputs;
pub mod lifecycle_sbom;
mod make;
mod metadata;
mod race;
mod recognise;
mod room;
mod save;
mod tee;
pub mod time;
mod transfer;

pub use cache::{CacheExport, export_cache};
pub use decide::{Decision, LayerPlan, Role, decide};
pub use error::{CacheExportError, ExportError};
pub use inputs::{ExportInputs, Handoff};

use apply::Layers;
use recognise::Recogniser;
use std::{sync::atomic::AtomicBool, thread};
use transfer::Done;
use wharf_cache::CacheTransaction;
use wharf_image::{Descriptor, ImageStore, Transfer};
use wharf_layer::fingerprint::Taken;
use wharf_spec::{
    digest::Digest, files::report::Report, labels::lifecycle::LifecycleMetadata, log::Log,
    reference::Reference,
};

/// What was exported.
#[derive(Debug, Clone)]
pub struct Exported {
    /// Contents of `report.toml`.
    pub report: Report,
    /// Where the image is.
    pub reference: Reference,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Its lifecycle metadata.
    pub metadata: LifecycleMetadata,
    /// Its layers, lowest first.
    pub layers: Vec<ExportedLayer>,
}

/// How a layer got into the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It belongs to the run image.
    Base,
    /// It is in the previous image, too.
    Reused,
    /// It was made by this build.
    Added,
}

/// One layer of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedLayer {
    /// `<buildpack>:<layer>`, `buildpacksio/lifecycle:launcher`, `slice-1`, `run image` …
    pub name: String,
    /// Diff ID.
    pub diff_id: Digest,
    /// Descriptor of the compressed bytes.
    pub descriptor: Descriptor,
    /// How it got into the image.
    pub change: Change,
    /// What its files looked like, when that may save reading them next time.
    pub fingerprint: Option<Taken>,
    /// How its bytes got into the repository of the image.
    pub transfer: Transfer,
}

/// Builds the app image on the run image and writes it to every output.
///
/// Blobs are uploaded while later layers are encoded; each lies in an unnamed temporary file that is gone once it
/// is uploaded. Where a limit is known that all of them at their worst would exceed, they are made and weighed first,
/// and nothing is sent of an image that does not fit. Nothing is tagged before the image is complete and judged valid. `cache` takes the archives of cached
/// layers in the same pass; [`export_cache`] completes it.
pub fn export(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    (store, cache): (&dyn ImageStore, Option<&dyn CacheTransaction>),
    log: &dyn Log,
) -> Result<Exported, ExportError> {
    run(inputs, handoff, (store, cache), log).inspect_err(|error| room::advise(inputs, error, log))
}

fn run(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    (store, cache): (&dyn ImageStore, Option<&dyn CacheTransaction>),
    log: &dyn Log,
) -> Result<Exported, ExportError> {
    save::first_output(inputs)?;
    let entrypoint = config::entrypoint(inputs, handoff.build_metadata)?;
    lifecycle_sbom::copy(inputs)?;
    let collected = collect::collect(inputs, handoff)?;
    let recorded = handoff.analyzed.metadata.clone().unwrap_or_default();
    let decisions = decide(&collected, &recorded)?;
    let recogniser = Recogniser { inputs, cache };
    let ahead = |enough: &AtomicBool| recogniser.ahead(&decisions, enough);
    let (watched, images) = thread::scope(|scope| {
        let watched = scope.spawn(|| race::watch(inputs, store, log));
        let images = apply::find_images(inputs, handoff, store, ahead);
        (apply::ended(watched), images)
    });
    let (base, previous, recognised) = images?;
    let watched = watched?;
    apply::tell_of_previous(handoff, previous.as_ref(), log);
    let mut assembled = apply::assemble(
        inputs,
        (&decisions, &recognised),
        (&base, previous.as_ref()),
        cache,
        (store, log),
    )?;
    if let Layers::There(done) = &assembled.layers {
        tell_of_copies(done, log);
    }
    let metadata = metadata::metadata(inputs, handoff, &base, (&collected, &assembled.above));
    config::apply(
        &mut assembled.draft,
        inputs,
        (handoff.build_metadata, &metadata),
        &entrypoint,
        log,
    )?;
    let sealed = save::seal(assembled.draft)?;
    let done = match assembled.layers {
        Layers::There(done) => done,
        Layers::Held(made) => {
            room::check(inputs, &made, &sealed, (store, log))?;
            let done = transfer::send(store, save::first_output(inputs)?, made)?;
            tell_of_copies(&done, log);
            done
        }
    };
    let layers = apply::describe(done);
    let moved = race::check(
        inputs,
        handoff,
        (&watched, sealed.image.digest()),
        (store, log),
    )?;
    save::save(
        inputs,
        handoff,
        (sealed, metadata, layers),
        &moved,
        (store, log),
    )
}

/// Says when layers of other images had to be sent (buildpack spec, "Phase #6: Export": images in different stores).
fn tell_of_copies(layers: &[Done], log: &dyn Log) {
    let is_copy =
        |layer: &&Done| layer.change != Change::Added && layer.transfer == Transfer::Uploaded;
    let copies = layers.iter().filter(is_copy).count();
    if copies > 0 {
        log.info(&format!(
            "Copied {copies} layer(s) of the run image or previous image; with all images in one store they are linked"
        ));
    }
}
