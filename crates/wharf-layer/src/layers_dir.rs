//! What buildpacks left below `<layers>/<buildpack>` (buildpack spec, "Layer Content Metadata (TOML)").
use crate::LayerError;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};
use wharf_spec::{
    files::{
        self, ParseError,
        layer_content_metadata::{LayerContentMetadata, SUFFIX, TopLevelFlags},
    },
    id::LayerName,
};

/// Largest `<layer>.toml`.
const MAX_TOML: u64 = 1024 * 1024;

/// One layer of a buildpack as it lies on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildpackLayer {
    /// Name.
    pub name: LayerName,
    /// Its directory, which may be missing.
    pub path: PathBuf,
    /// Whether the directory exists.
    pub has_directory: bool,
    /// Whether `<layer>.toml` exists.
    pub has_metadata: bool,
    /// Contents of `<layer>.toml`; empty when missing.
    pub metadata: LayerContentMetadata,
}

/// The layers below `dir` (`<layers>/<escaped buildpack id>`), sorted by name: every directory and every
/// `<layer>.toml`. A missing `dir` has none.
///
/// `build.toml`, `launch.toml` and `store.toml` are not layers, nor are SBOM and other files; a directory with such a
/// name is an error. What `<layer>.toml`
/// describes must be a directory itself, when it is there at all: links and files are errors.
pub fn read(dir: &Path) -> Result<Vec<BuildpackLayer>, LayerError> {
    match fs::symlink_metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read directory", dir, error)),
        Ok(metadata) if !metadata.is_dir() => return Err(unsupported(dir, "is not a directory")),
        Ok(_) => {}
    }
    let mut layers = BTreeMap::new();
    let entries = fs::read_dir(dir).map_err(|error| failed("read directory", dir, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed("read directory", dir, error))?;
        let path = entry.path();
        let kind = entry.file_type();
        let kind = kind.map_err(|error| failed("read", &path, error))?;
        let file_name = entry.file_name();
        let toml = file_name.as_bytes().strip_suffix(SUFFIX.as_bytes());
        if toml.is_none() && !kind.is_dir() {
            continue;
        }
        let stem = toml.unwrap_or(file_name.as_bytes());
        let Ok(stem) = std::str::from_utf8(stem) else {
            return Err(unsupported(&path, "has a name that is not UTF-8"));
        };
        let Ok(name) = stem.parse::<LayerName>() else {
            // `launch.toml` and the like are files of the buildpack; a directory would be a layer nobody exports.
            if toml.is_none() {
                return Err(unsupported(
                    &path,
                    "is not a layer: the specification reserves its name",
                ));
            }
            continue;
        };
        let layer = layers
            .entry(name.clone())
            .or_insert_with(|| empty(dir, name));
        if toml.is_some() {
            layer.has_metadata = true;
            layer.metadata = read_metadata(&path)?;
        } else {
            layer.has_directory = true;
        }
    }
    let layers: Vec<BuildpackLayer> = layers.into_values().collect();
    layers.iter().try_for_each(check_directory)?;
    Ok(layers)
}

/// `<layer>.toml`, which must not have flags where old buildpacks put them.
pub fn read_metadata(path: &Path) -> Result<LayerContentMetadata, LayerError> {
    let text = read_text(path, MAX_TOML)?;
    let parse_error = |source| LayerError::Parse {
        path: path.into(),
        source,
    };
    let flags: TopLevelFlags = files::parse(&text).map_err(parse_error)?;
    let old = [
        ("launch", flags.launch),
        ("build", flags.build),
        ("cache", flags.cache),
    ];
    if let Some((flag, _)) = old.into_iter().find(|(_, value)| value.is_some()) {
        return Err(LayerError::TopLevelFlag {
            path: path.into(),
            flag,
        });
    }
    files::parse(&text).map_err(parse_error)
}

fn empty(dir: &Path, name: LayerName) -> BuildpackLayer {
    BuildpackLayer {
        path: dir.join(name.as_str()),
        name,
        has_directory: false,
        has_metadata: false,
        metadata: LayerContentMetadata::default(),
    }
}

/// A layer without directory must have nothing else in its place.
fn check_directory(layer: &BuildpackLayer) -> Result<(), LayerError> {
    if layer.has_directory {
        return Ok(());
    }
    match fs::symlink_metadata(&layer.path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("read", &layer.path, error)),
        Ok(metadata) if metadata.is_symlink() => Err(unsupported(
            &layer.path,
            "is a symbolic link, a layer must be a directory",
        )),
        Ok(_) => Err(unsupported(&layer.path, "is not a directory")),
    }
}

fn read_text(path: &Path, limit: u64) -> Result<String, LayerError> {
    let mut bytes = Vec::new();
    let file = open_file(path)?;
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed("read", path, error))?;
    if bytes.len() as u64 > limit {
        return Err(LayerError::TooLarge {
            path: path.into(),
            limit,
        });
    }
    String::from_utf8(bytes).map_err(|error| LayerError::Parse {
        path: path.into(),
        source: ParseError {
            message: format!(
                "it is not UTF-8, byte {} is the first that is not",
                error.utf8_error().valid_up_to()
            ),
        },
    })
}

/// Opens a regular file, neither through a link nor waiting for the writer of a pipe.
pub(crate) fn open_file(path: &Path) -> Result<File, LayerError> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let metadata = fs::symlink_metadata(path).map_err(|error| failed("read", path, error))?;
    if !metadata.is_file() {
        return Err(unsupported(path, "is not a file"));
    }
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path)
        .map_err(|error| failed("read", path, error))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> LayerError {
    LayerError::Io {
        action,
        path: path.into(),
        source,
    }
}

fn unsupported(path: &Path, reason: &'static str) -> LayerError {
    LayerError::Unsupported {
        path: path.into(),
        reason,
    }
}
