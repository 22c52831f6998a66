//! The previous image, its metadata and its SBOM.
use crate::{AnalyzeError, AnalyzeInputs};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use wharf_image::{Image, ImageStore, StoreErrorKind};
use wharf_layer::{VerifyingReader, blob::decompress, extract};
use wharf_spec::{
    digest::Digest,
    env_var,
    files::analyzed::ImageIdentifier,
    labels::{
        LIFECYCLE_METADATA,
        lifecycle::{LayerSha, LifecycleMetadata},
    },
    log::Log,
};

/// Bytes of a metadata label that are still parsed.
const MAX_LABEL: usize = 4 << 20;
/// Limits of an SBOM layer.
const MAX_SBOM_ENTRIES: u64 = 100_000;
const MAX_SBOM_BYTES: u64 = 512 << 20;

/// What is known of the previous image; all empty when there is none.
#[derive(Debug, Default)]
pub(crate) struct Previous {
    image: Option<Image>,
    pub(crate) identifier: ImageIdentifier,
    pub(crate) metadata: LifecycleMetadata,
}

pub(crate) fn find(
    inputs: &AnalyzeInputs,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Previous, AnalyzeError> {
    let reference = &inputs.previous_image;
    let image = match store.find(reference, &inputs.platform) {
        Ok(image) => image,
        Err(error) if matches!(error.kind, StoreErrorKind::WrongPlatform { .. }) => {
            log.warn(&format!(
                "Previous image '{reference}' is not used: {}",
                error.kind
            ));
            return Ok(Previous::default());
        }
        Err(error) => return Err(AnalyzeError::ReadPrevious(error)),
    };
    let Some(image) = image else {
        log.info(&format!("Image with name \"{reference}\" not found"));
        return Ok(Previous::default());
    };
    let identifier = store.identify(reference, &image);
    log.debug(&format!("Found image with identifier \"{identifier}\""));
    let metadata = metadata(&image, inputs, log);
    Ok(Previous {
        image: Some(image),
        identifier: ImageIdentifier {
            reference: identifier,
        },
        metadata,
    })
}

/// The label is a hint about work that can be saved; a bad one costs that work and nothing else.
fn metadata(image: &Image, inputs: &AnalyzeInputs, log: &dyn Log) -> LifecycleMetadata {
    let reference = &inputs.previous_image;
    let Some(text) = image.label(LIFECYCLE_METADATA) else {
        return LifecycleMetadata::default();
    };
    if text.len() > MAX_LABEL {
        log.warn(&format!(
            "Label '{LIFECYCLE_METADATA}' of '{reference}' is ignored: it has {} bytes, the limit is {MAX_LABEL}",
            text.len()
        ));
        return LifecycleMetadata::default();
    }
    serde_json::from_str(text).unwrap_or_else(|error| {
        log.warn(&format!(
            "Label '{LIFECYCLE_METADATA}' of '{reference}' is ignored: {error}"
        ));
        LifecycleMetadata::default()
    })
}

/// Extracts the launch SBOM to `<layers>/sbom/launch`, whole or not at all.
pub(crate) fn restore_sbom(
    inputs: &AnalyzeInputs,
    previous: &Previous,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<(), AnalyzeError> {
    let sbom = previous.metadata.sbom.as_ref();
    let (Some(image), Some(diff_id)) = (&previous.image, sbom.and_then(LayerSha::diff_id)) else {
        return Ok(());
    };
    if !inputs.restore_sbom {
        return Ok(());
    }
    log.info("Restoring data for SBOM from previous image");
    log.debug(&format!(
        "Retrieving previous image SBOM layer for \"{diff_id}\""
    ));
    let reference = || inputs.previous_image.to_string();
    let layer = image
        .layers()
        .iter()
        .find(|layer| layer.diff_id == diff_id)
        .ok_or_else(|| AnalyzeError::NoSbomLayer {
            reference: reference(),
            diff_id: diff_id.to_string(),
        })?;
    let bytes = store
        .open_blob(&inputs.previous_image, &layer.descriptor)
        .map_err(AnalyzeError::ReadSbom)?;
    let there = layers_dir_of(image).unwrap_or_else(|| inputs.layers_dir.clone());
    replace_directory(&inputs.layers_dir.join("sbom"), "launch", |staging| {
        extract_sbom(bytes, diff_id, &there.join("sbom/launch"), staging).map_err(|source| {
            AnalyzeError::ExtractSbom {
                reference: reference(),
                source,
            }
        })
    })
}

/// The layers directory the image was built with: entries of its layers carry that path.
fn layers_dir_of(image: &Image) -> Option<PathBuf> {
    image
        .env(env_var::LAYERS_DIR)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

fn extract_sbom(
    bytes: Box<dyn io::Read + Send>,
    diff_id: Digest,
    strip: &Path,
    destination: &Path,
) -> Result<(), extract::ExtractError> {
    let tar = decompress(bytes).map_err(extract::ExtractError::Read)?;
    let options = extract::ExtractOptions {
        strip: strip.to_owned(),
        whiteouts: false,
        owners: false,
        times: false,
        max_entries: MAX_SBOM_ENTRIES,
        max_bytes: MAX_SBOM_BYTES,
    };
    let mut tar = VerifyingReader::new(tar, diff_id, None);
    extract::extract(&mut tar, destination, &options)?;
    Ok(())
}

/// Fills a directory beside `parent/name` and swaps it in when `fill` has succeeded.
fn replace_directory(
    parent: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<(), AnalyzeError>,
) -> Result<(), AnalyzeError> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| AnalyzeError::Io {
            action,
            path,
            source,
        }
    };
    fs::create_dir_all(parent).map_err(failed("create", parent))?;
    let staging = tempfile::Builder::new()
        .prefix(".restore-")
        .tempdir_in(parent)
        .map_err(failed("create a directory in", parent))?;
    let content = staging.path().join(name);
    fill(&content)?;
    let target = parent.join(name);
    match fs::remove_dir_all(&target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove", &target)(error));
        }
        _ => {}
    }
    fs::rename(&content, &target).map_err(failed("create", &target))
}
