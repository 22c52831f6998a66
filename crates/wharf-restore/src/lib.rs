//! Puts back the layers and metadata that the rules allow (buildpack spec, "Layer Types"; platform spec, "restorer").
//!
//! | module | what |
//! |---|---|
//! | [`decide`](mod@decide) | per layer, what is restored from where, and why; pure |
//! | `apply` | writes metadata, extracts data, hands out SBOM files |
//! | `fingerprints` | what restored files look like |
//! | `run_image` | whether the run image can still be read |
//! | [`error`] | why restoring fails |
mod apply;
mod data;
pub mod decide;
pub mod error;
mod files;
mod fingerprints;
mod run_image;
mod sbom;

pub use decide::{DataDecision, Decision, MetadataDecision, Origin, decide};
pub use error::RestoreError;

use std::{num::NonZeroUsize, path::PathBuf, thread};
use wharf_cache::Cache;
use wharf_image::{ImageStore, Platform};
use wharf_layer::Owner;
use wharf_spec::{
    api::PlatformFeatures,
    digest::Digest,
    files::{analyzed::Analyzed, fingerprints::Fingerprints, group::Group, run::RunImages},
    labels::lifecycle::{CacheMetadata, LifecycleMetadata},
    log::Log,
};

/// Inputs of [`restore`].
#[derive(Debug, Clone)]
pub struct RestoreInputs {
    /// Layers directory.
    pub layers_dir: PathBuf,
    /// Whether layers are left alone; `store.toml` files come back where the Platform API says so.
    pub skip_layers: bool,
    /// The choices of the Platform API.
    pub features: PlatformFeatures,
    /// What the app is built for.
    pub platform: Platform,
    /// `run.toml`; empty when there is none.
    pub run_images: RunImages,
    /// Owner of the files in images; fingerprints are of layers as the exporter makes them.
    pub owner: Owner,
    /// Layers that are restored side by side.
    pub workers: NonZeroUsize,
}

/// Where things are restored from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// The cache of the previous build.
    pub cache: Option<&'a dyn Cache>,
    /// Where the run image is; without it the run image is not looked at again.
    pub store: Option<&'a dyn ImageStore>,
}

/// What was restored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Restored {
    /// The new `analyzed.toml`, when it has changed.
    pub analyzed: Option<Analyzed>,
    /// Layers whose content came back.
    pub layers: Vec<RestoredLayer>,
    /// What the files of these layers look like, so that the exporter need not read what nobody touches.
    pub fingerprints: Fingerprints,
}

/// A layer whose content came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredLayer {
    /// `<buildpack>:<layer>`.
    pub name: String,
    /// Its directory, without doubled or trailing slashes.
    pub path: PathBuf,
    /// Diff ID of its archive.
    pub diff_id: Digest,
    /// Bytes of its files.
    pub bytes: u64,
}

/// Restores metadata, data and SBOM files for the buildpacks of `group`.
///
/// A layer comes back whole or not at all. Content that is not what it should be costs a warning and the layer;
/// only local failures are errors. While a registry is asked for the run image, layers are restored; without a run
/// image that can be read both were in vain.
pub fn restore(
    inputs: &RestoreInputs,
    analyzed: &Analyzed,
    group: &Group,
    sources: Sources<'_>,
    log: &dyn Log,
) -> Result<Restored, RestoreError> {
    thread::scope(|scope| {
        let looking = sources
            .store
            .map(|store| scope.spawn(move || run_image::look_again(inputs, analyzed, store, log)));
        let restored = restore_layers(inputs, analyzed, group, (sources.cache, log));
        let looked = looking.map(|thread| {
            let panicked = |panic| std::panic::resume_unwind(panic);
            thread.join().unwrap_or_else(panicked)
        });
        Ok(Restored {
            analyzed: looked.transpose()?.flatten(),
            ..restored?
        })
    })
}

fn restore_layers(
    inputs: &RestoreInputs,
    analyzed: &Analyzed,
    group: &Group,
    (cache, log): (Option<&dyn Cache>, &dyn Log),
) -> Result<Restored, RestoreError> {
    let none = LifecycleMetadata::default();
    let app = analyzed.metadata.as_ref().unwrap_or(&none);
    if !inputs.skip_layers || inputs.features.store_always_restored {
        apply::restore_stores(inputs, app, group)?;
    }
    if inputs.skip_layers {
        log.info("Skipping buildpack layer analysis");
        return Ok(Restored::default());
    }
    let cached = cache_metadata(cache, log)?;
    let decisions = decide(
        app,
        &cached,
        group,
        inputs.features.launch_metadata_from_cache,
    );
    let layers = apply::apply(inputs, &decisions, &cached, cache, log)?;
    Ok(Restored {
        analyzed: None,
        fingerprints: fingerprints::take(inputs, &layers, log),
        layers,
    })
}

fn cache_metadata(cache: Option<&dyn Cache>, log: &dyn Log) -> Result<CacheMetadata, RestoreError> {
    let Some(cache) = cache else {
        log.debug("Usable cache not provided, using empty cache metadata");
        return Ok(CacheMetadata::default());
    };
    let metadata = cache.metadata().map_err(RestoreError::ReadCache)?;
    if metadata == CacheMetadata::default() {
        log.info("Layer cache not found");
    }
    Ok(metadata)
}
