//! SBOM files of restored layers: from `<layers>/sbom` to beside the layers (platform spec, "restorer > Outputs").
use crate::{
    Decision, RestoreError, RestoreInputs,
    data::{chain, options},
    files,
};
use std::{ffi::OsStr, fs, io, path::Path};
use wharf_cache::Cache;
use wharf_layer::extract::{ExtractError, extract};
use wharf_spec::{labels::lifecycle::CacheMetadata, log::Log};

/// Extracts the cached SBOM layer and hands out the files of `present` layers; `<layers>/sbom` is gone afterwards.
/// Files for the app or the build as a whole are never restored.
pub(crate) fn restore(
    inputs: &RestoreInputs,
    present: &[&Decision],
    (cached, cache): (&CacheMetadata, Option<&dyn Cache>),
    log: &dyn Log,
) -> Result<(), RestoreError> {
    let sbom = inputs.layers_dir.join("sbom");
    extract_cached(inputs, cached, cache, log)?;
    for kind in ["cache", "launch"] {
        for decision in present {
            let buildpack = decision.buildpack.dir_name();
            let from = sbom.join(kind).join(&buildpack).join(&decision.layer);
            let parents = [sbom.join(kind), sbom.join(kind).join(&buildpack)];
            if parents.iter().chain([&from]).all(|path| is_dir(path)) {
                let to = inputs.layers_dir.join(&buildpack);
                copy_files(&from, &to, &decision.layer)?;
            }
        }
    }
    files::remove(&sbom)
}

fn extract_cached(
    inputs: &RestoreInputs,
    cached: &CacheMetadata,
    cache: Option<&dyn Cache>,
    log: &dyn Log,
) -> Result<(), RestoreError> {
    let diff_id = cached.sbom.as_ref().and_then(|layer| layer.diff_id());
    let (Some(diff_id), Some(cache)) = (diff_id, cache) else {
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

/// Not through a link: the files come from a previous image or cache.
fn is_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Copies `sbom.<ext>` to `<layer>.sbom.<ext>`.
fn copy_files(from: &Path, to: &Path, layer: &str) -> Result<(), RestoreError> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| RestoreError::Io {
            action,
            path,
            source,
        }
    };
    let entries = fs::read_dir(from).map_err(failed("read", from))?;
    for entry in entries {
        let entry = entry.map_err(failed("read", from))?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_sbom(name)) else {
            continue;
        };
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file {
            let target = to.join(format!("{layer}.{name}"));
            fs::rename(entry.path(), &target).map_err(failed("write", &target))?;
        }
    }
    Ok(())
}

fn is_sbom(name: &str) -> bool {
    let extension = Path::new(name).extension() == Some(OsStr::new("json"));
    name.starts_with("sbom.") && extension
}
