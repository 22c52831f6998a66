//! Why restoring fails.
use std::{io, path::PathBuf};
use wharf_cache::CacheError;
use wharf_image::StoreError;
use wharf_layer::{LayerError, extract::ExtractError};
use wharf_spec::encode::EncodeError;

/// A failed restoration.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The cache cannot be opened.
    #[error("read cache metadata")]
    ReadCache(#[source] CacheError),
    /// A file could not be written or removed.
    #[error("{action} '{}'", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The content of a layer could not be written.
    #[error("restore data for '{layer}'")]
    WriteLayer {
        /// `<buildpack>:<layer>`.
        layer: String,
        /// Why not.
        #[source]
        source: ExtractError,
    },
    /// SBOM files could not be put beside the layers.
    #[error("restore SBOM files")]
    Sbom(#[source] LayerError),
    /// Metadata of a layer have no text form.
    #[error("write metadata of '{layer}'")]
    Encode {
        /// `<buildpack>:<layer>`.
        layer: String,
        /// Why not.
        #[source]
        source: EncodeError,
    },
    /// The run image cannot be read any more, under none of its names.
    #[error("read run image: selected run image '{image}' is not accessible")]
    RunImageNotAccessible {
        /// The run image.
        image: String,
    },
    /// The run image cannot be read.
    #[error("read run image")]
    ReadRunImage(#[source] StoreError),
}
