//! `restorer`.
use super::load;
use crate::{
    exit::{Failure, chain},
    handoff,
    inputs::{CacheChoice, Restore},
    phase::Phase,
    session::{self, Session, Stores},
};
use std::path::PathBuf;
use wharf_restore::{RestoreInputs, Sources};
use wharf_spec::{
    encode::toml_text,
    files::{
        analyzed::Analyzed,
        fingerprints::{self, Fingerprints},
        group::Group,
        run::RunImages,
    },
    log::Log,
    reference::Reference,
};

/// What is read before the phase starts.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) analyzed: Analyzed,
    pub(crate) group: Group,
    pub(crate) run_images: RunImages,
}

pub(crate) fn load(inputs: &Restore) -> Result<Loaded, Failure> {
    Ok(Loaded {
        analyzed: load::analyzed_if_any(Phase::Restore, &inputs.analyzed)?,
        group: load::group(Phase::Restore, &inputs.group)?,
        run_images: load::run_images(Phase::Restore, &inputs.run_file)?,
    })
}

pub(crate) fn references(inputs: &Restore, loaded: &Loaded) -> Vec<Reference> {
    let mut references = inputs.references();
    let names = load::analyzed_names(&loaded.analyzed).chain(load::names(&loaded.run_images));
    references.extend(load::references(names));
    references
}

pub(crate) fn directories(inputs: &Restore) -> Vec<PathBuf> {
    let mut directories = vec![inputs.layers.clone()];
    if let CacheChoice::Directory(cache) = &inputs.cache {
        directories.push(cache.clone());
    }
    directories
}

/// Puts layers back; saves `analyzed.toml` when the run image was looked up again. Returns what holds now.
pub(crate) fn run(
    inputs: &Restore,
    loaded: &Loaded,
    session: &Session<'_>,
    stores: &Stores,
) -> Result<Analyzed, Failure> {
    if inputs.cache == CacheChoice::Nothing {
        session
            .console
            .warn("No cached data will be used, no cache specified.");
    }
    let cache = session
        .cache(&inputs.cache, stores)
        .map_err(Failure::Cache)?;
    let told = RestoreInputs {
        layers_dir: inputs.layers.clone(),
        skip_layers: inputs.skip_layers,
        features: session.api.features(),
        platform: session::platform(),
        run_images: loaded.run_images.clone(),
        owner: session.owner,
        workers: session.workers,
    };
    let sources = Sources {
        cache: cache.as_deref(),
        store: Some(stores.images.as_ref()),
    };
    let restored = session
        .console
        .timed("Restorer", || {
            wharf_restore::restore(
                &told,
                &loaded.analyzed,
                &loaded.group,
                sources,
                session.console,
            )
        })
        .map_err(Failure::Restore)?;
    save_fingerprints(inputs, &restored.fingerprints, session);
    let Some(analyzed) = restored.analyzed else {
        return Ok(loaded.analyzed.clone());
    };
    handoff::save(handoff::ANALYZED, &inputs.analyzed, toml_text(&analyzed))
        .map_err(load::saving(Phase::Restore))?;
    Ok(analyzed)
}

/// They only save work: a layers directory without them is complete.
fn save_fingerprints(inputs: &Restore, fingerprints: &Fingerprints, session: &Session<'_>) {
    if fingerprints.seen.is_empty() {
        return;
    }
    let path = inputs.layers.join(fingerprints::FILE_NAME);
    if let Err(error) = handoff::save(handoff::FINGERPRINTS, &path, toml_text(fingerprints)) {
        session.console.debug(&chain(&error));
    }
}
