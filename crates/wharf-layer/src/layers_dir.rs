//! What buildpacks left below `<layers>/<buildpack>`.
use crate::LayerError;
use std::path::{Path, PathBuf};
use wharf_spec::{files::layer_content_metadata::LayerContentMetadata, id::LayerName};

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
pub fn read(dir: &Path) -> Result<Vec<BuildpackLayer>, LayerError> {
    let _ = dir;
    todo!()
}
