//! The previous image, its metadata and its SBOM.
use crate::{AnalyzeError, AnalyzeInputs};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use wharf_image::{Access, Image, ImageStore, StoreErrorKind};
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

/// What there is under the name of the previous image.
#[derive(Debug)]
pub(crate) enum Found {
    Image(Image),
    Nothing,
    /// An image for other platforms, or none of an index for this one.
    Unusable(StoreErrorKind),
}

/// Reads the previous image, which shows that it may be read.
pub(crate) fn find(inputs: &AnalyzeInputs, store: &dyn ImageStore) -> Result<Found, AnalyzeError> {
    let reference = &inputs.previous_image;
    match store.find(reference, &inputs.platform) {
        Ok(Some(image)) => Ok(Found::Image(image)),
        Ok(None) => Ok(Found::Nothing),
        Err(error) if error.is_wrong_platform() => Ok(Found::Unusable(error.kind)),
        Err(error) => {
            // Nothing may be read there, or what can be read is bad.
            crate::ensure(store, reference, Access::Read)?;
            Err(AnalyzeError::ReadPrevious(error))
        }
    }
}

/// Describes what was found, and says what is missing.
pub(crate) fn describe(
    inputs: &AnalyzeInputs,
    found: Found,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Previous {
    let reference = &inputs.previous_image;
    let image = match found {
        Found::Image(image) => image,
        Found::Nothing => {
            log.info(&format!("Image with name \"{reference}\" not found"));
            return Previous {
                identifier: ImageIdentifier {
                    image: other_name(inputs),
                    ..ImageIdentifier::default()
                },
                ..Previous::default()
            };
        }
        Found::Unusable(why) => {
            log.warn(&format!("Previous image '{reference}' is not used: {why}"));
            return Previous {
                identifier: ImageIdentifier {
                    image: reference.to_string(),
                    ..ImageIdentifier::default()
                },
                ..Previous::default()
            };
        }
    };
    let identifier = store.identify(reference, &image);
    log.debug(&format!("Found image with identifier \"{identifier}\""));
    let metadata = metadata(&image, inputs, log);
    Previous {
        image: Some(image),
        identifier: ImageIdentifier {
            reference: identifier,
            image: other_name(inputs),
        },
        metadata,
    }
}

/// The name of a previous image that is not the image to be built.
fn other_name(inputs: &AnalyzeInputs) -> String {
    if inputs.output == inputs.previous_image {
        String::new()
    } else {
        inputs.previous_image.to_string()
    }
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
