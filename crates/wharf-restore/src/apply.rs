//! Writes what was decided.
use crate::{
    DataDecision, Decision, MetadataDecision, RestoreError, RestoreInputs, RestoredLayer,
    data::{self, Job},
    files, sbom,
};
use std::path::PathBuf;
use wharf_cache::Cache;
use wharf_spec::{
    api::SbomPaths,
    encode::toml_text,
    files::{
        group::Group,
        layer_content_metadata::{LayerContentMetadata, file_name},
        store::Store,
    },
    labels::lifecycle::{CacheMetadata, LifecycleMetadata},
    log::Log,
};

/// Writes `store.toml` of every buildpack of the group that left one.
pub(crate) fn restore_stores(
    inputs: &RestoreInputs,
    app: &LifecycleMetadata,
    group: &Group,
) -> Result<(), RestoreError> {
    for element in &group.group {
        let stored = app
            .buildpacks
            .iter()
            .find(|buildpack| buildpack.key == element.id.as_str())
            .and_then(|buildpack| buildpack.store.as_ref());
        if let Some(stored) = stored {
            let store = Store {
                metadata: stored.metadata.clone(),
            };
            let text = toml_text(&store).map_err(|source| RestoreError::Encode {
                layer: format!("{}:store", element.id),
                source,
            })?;
            let directory = inputs.layers_dir.join(element.id.dir_name());
            files::write(&directory.join("store.toml"), &text)?;
        }
    }
    Ok(())
}

/// Writes metadata, then content, then SBOM files.
pub(crate) fn apply(
    inputs: &RestoreInputs,
    decisions: &[Decision],
    cached: &CacheMetadata,
    cache: Option<&dyn Cache>,
    log: &dyn Log,
) -> Result<Vec<RestoredLayer>, RestoreError> {
    for decision in decisions {
        write_metadata(inputs, decision, log)?;
    }
    let mut jobs = Vec::new();
    for decision in decisions {
        match decision.data {
            DataDecision::None => {}
            DataDecision::WrongSha => {
                log.info(&format!("Removing \"{}\", wrong sha", decision.name()));
                remove_layer(inputs, decision)?;
            }
            DataDecision::Restore(diff_id) => jobs.push(Job { decision, diff_id }),
        }
    }
    let outcomes = match cache {
        Some(cache) => data::extract_all(inputs, &jobs, cache, log)?,
        None => Vec::new(),
    };
    let mut restored = Vec::new();
    let mut lost = Vec::new();
    for (job, outcome) in jobs.iter().zip(outcomes) {
        match outcome {
            Ok(bytes) => restored.push(RestoredLayer {
                name: job.decision.name(),
                path: layer_dir(inputs, job.decision).components().collect(),
                diff_id: job.diff_id,
                bytes,
            }),
            Err(reason) => {
                log.warn(&format!(
                    "Skipping restore for layer {}: {reason}",
                    job.diff_id
                ));
                remove_layer(inputs, job.decision)?;
                lost.push(job.decision.name());
            }
        }
    }
    if inputs.features.sbom_paths == SbomPaths::ByKind {
        let present = decisions
            .iter()
            .filter(|decision| is_present(decision) && !lost.contains(&decision.name()));
        sbom::restore(inputs, &present.collect::<Vec<_>>(), (cached, cache), log)?;
    }
    Ok(restored)
}

/// Whether metadata of the layer stay on disk, so far as decisions tell.
fn is_present(decision: &Decision) -> bool {
    matches!(decision.metadata, MetadataDecision::Restore(..))
        && decision.data != DataDecision::WrongSha
}

fn write_metadata(
    inputs: &RestoreInputs,
    decision: &Decision,
    log: &dyn Log,
) -> Result<(), RestoreError> {
    match decision.line() {
        (line, true) => log.debug(&line),
        (line, false) => log.info(&line),
    }
    let MetadataDecision::Restore(_, metadata) = &decision.metadata else {
        return Ok(());
    };
    if decision.data == DataDecision::WrongSha {
        return Ok(());
    }
    let content = LayerContentMetadata {
        types: None,
        metadata: metadata.clone(),
    };
    let text = toml_text(&content).map_err(|source| RestoreError::Encode {
        layer: decision.name(),
        source,
    })?;
    let directory = inputs.layers_dir.join(decision.buildpack.dir_name());
    files::write(&directory.join(file_name(&decision.layer)), &text)
}

fn remove_layer(inputs: &RestoreInputs, decision: &Decision) -> Result<(), RestoreError> {
    files::remove(&layer_dir(inputs, decision))?;
    let directory = inputs.layers_dir.join(decision.buildpack.dir_name());
    files::remove(&directory.join(file_name(&decision.layer)))
}

pub(crate) fn layer_dir(inputs: &RestoreInputs, decision: &Decision) -> PathBuf {
    inputs
        .layers_dir
        .join(decision.buildpack.dir_name())
        .join(&decision.layer)
}
