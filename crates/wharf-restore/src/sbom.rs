//! SBOM files of restored layers: from `<layers>/sbom` to beside the layers (platform spec, "restorer > Outputs").
use crate::{
    Decision, RestoreError, RestoreInputs,
    data::{chain, options},
    files,
};
use wharf_cache::Cache;
use wharf_layer::{
    extract::{ExtractError, extract},
    sbom::{SbomKind, distribute},
};
use wharf_spec::{id::LayerName, labels::lifecycle::CacheMetadata, log::Log};

/// Extracts the cached SBOM layer and hands out the files of `present` layers; `<layers>/sbom` is gone afterwards.
/// Files for the app or the build as a whole are never restored.
pub(crate) fn restore(
    inputs: &RestoreInputs,
    present: &[&Decision],
    (cached, cache): (&CacheMetadata, Option<&dyn Cache>),
    log: &dyn Log,
) -> Result<(), RestoreError> {
    extract_cached(inputs, cached, cache, log)?;
    // A layer that is in both was in the app image last: the launch files replace those of the cache.
    for kind in [SbomKind::Cache, SbomKind::Launch] {
        for decision in present {
            if let Ok(layer) = decision.layer.parse::<LayerName>() {
                distribute(&inputs.layers_dir, kind, &decision.buildpack, &layer)
                    .map_err(RestoreError::Sbom)?;
            }
        }
    }
    files::remove(&inputs.layers_dir.join("sbom"))
}

fn extract_cached(
    inputs: &RestoreInputs,
    cached: &CacheMetadata,
    cache: Option<&dyn Cache>,
    log: &dyn Log,
) -> Result<(), RestoreError> {
    let (Some(diff_id), Some(cache)) = (cached.sbom.diff_id(), cache) else {
        return Ok(());
    };
    log.info("Restoring data for SBOM from cache");
    log.debug(&format!("Retrieving SBOM layer data for \"{diff_id}\""));
    let target = inputs.layers_dir.join("sbom").join("cache");
    let lost = |reason: &str| log.warn(&format!("Skipping restore for layer {diff_id}: {reason}"));
    let mut tar = match cache.open_layer(diff_id) {
        Ok(Some(tar)) => tar,
        Ok(None) => {
            lost("the cache does not have it");
            return Ok(());
        }
        Err(error) => {
            lost(&chain(&error));
            return Ok(());
        }
    };
    files::remove(&target)?;
    match extract(&mut tar, &target, &options(&target)) {
        Ok(_) => Ok(()),
        Err(source @ ExtractError::Write { .. }) => Err(RestoreError::WriteLayer {
            layer: "buildpacksio/lifecycle:cache.sbom".to_owned(),
            source,
        }),
        Err(error) => {
            lost(&chain(&error));
            files::remove(&target)
        }
    }
}
