//! Why exporting fails.
use std::{io, path::PathBuf};
use wharf_cache::CacheError;
use wharf_image::{ImageError, MovedTag, NoRoom, StoreError, tag_race};
use wharf_layer::LayerError;
use wharf_spec::{digest::Digest, encode::EncodeError, files::ParseError, id::IdError};

/// A failed export. Nothing was tagged unless the variant is [`Save`](Self::Save).
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// No output is named.
    #[error("export: at least one image to write must be named")]
    NoOutput,
    /// Outputs are on two registries.
    #[error("write '{other}' and '{first}': writing to multiple registries is unsupported")]
    MultipleRegistries {
        /// The first output.
        first: String,
        /// The one elsewhere.
        other: String,
    },
    /// `analyzed.toml` names no run image.
    #[error("find run image: analyzed.toml names none; run the analyzer first")]
    NoRunImage,
    /// The run image does not exist.
    #[error(
        "find run image '{reference}': there is no such image; it may have been deleted since the analysis"
    )]
    RunImageNotFound {
        /// The image.
        reference: String,
    },
    /// The run image cannot be read.
    #[error("read run image")]
    ReadRunImage(#[source] StoreError),
    /// The run image has no layers.
    #[error("use run image '{reference}': image has no layers")]
    EmptyRunImage {
        /// The image.
        reference: String,
    },
    /// The previous image cannot be read.
    #[error("read previous image")]
    ReadPrevious(#[source] StoreError),
    /// A launch layer without a directory that is cached: nobody has its content.
    #[error("export layer '{layer}': layer '{layer}' is cache=true but has no contents")]
    CachedWithoutContents {
        /// The layer.
        layer: String,
    },
    /// A launch layer without a directory that the previous image does not have.
    #[error(
        "export layer '{layer}': cannot reuse '{layer}', previous image has no metadata for layer '{layer}'"
    )]
    NothingToReuse {
        /// The layer.
        layer: String,
    },
    /// A launch layer without a directory whose recorded layer is not in the previous image.
    #[error(
        "export layer '{layer}': cannot reuse '{layer}', previous image has no layer {diff_id}"
    )]
    NotInPrevious {
        /// The layer.
        layer: String,
        /// The recorded diff ID.
        diff_id: String,
    },
    /// The layers of a buildpack cannot be read.
    #[error("read layers of buildpack '{buildpack}'")]
    ReadLayers {
        /// The buildpack.
        buildpack: String,
        /// Why not.
        #[source]
        source: LayerError,
    },
    /// A file is not what it should be.
    #[error("parse '{}'", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        #[source]
        source: ParseError,
    },
    /// Something else is in the place of a file.
    #[error("read '{}': it is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A file is too large.
    #[error("read '{}': it has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// The slices of the app cannot be told apart.
    #[error("slice app layers")]
    Slices(#[source] LayerError),
    /// A layer cannot be read.
    #[error("export layer '{layer}'")]
    Layer {
        /// The layer.
        layer: String,
        /// Why not.
        #[source]
        source: LayerError,
    },
    /// A layer cannot be uploaded.
    #[error("export layer '{layer}'")]
    Upload {
        /// The layer.
        layer: String,
        /// Why not.
        #[source]
        source: StoreError,
    },
    /// A process type cannot be a file name.
    #[error("add process types")]
    ProcessType(#[source] IdError),
    /// The process type that was asked for does not exist.
    #[error(
        "set default process type: process type '{wanted}' does not exist, {}",
        if known.is_empty() { "no buildpack defines any".to_owned() } else { format!("choose one of: {}", known.join(", ")) }
    )]
    UnknownProcessType {
        /// Asked for.
        wanted: String,
        /// Every type there is.
        known: Vec<String>,
    },
    /// A path cannot be written into the image config.
    #[error("record '{}': the path is not UTF-8", path.display())]
    NonUtf8Path {
        /// The path.
        path: PathBuf,
    },
    /// A label has no text form.
    #[error("write label '{label}'")]
    Label {
        /// The label.
        label: &'static str,
        /// Why not.
        #[source]
        source: EncodeError,
    },
    /// A file could not be written or read.
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
    /// The image cannot be put together.
    #[error("make app image")]
    Seal(#[source] ImageError),
    /// The image would not be one that every runtime accepts.
    #[error("make app image: {}", faults.join("; "))]
    Invalid {
        /// What is wrong with it.
        faults: Vec<String>,
    },
    /// The image does not fit where it is to go. Nothing was sent.
    #[error("make room for app image")]
    NoRoom(#[source] Box<NoRoom>),
    /// The tags cannot be looked at, and that was asked for.
    #[error("look whether tags are moved meanwhile")]
    WatchTags(#[source] StoreError),
    /// Somebody else wrote a tag meanwhile, and it is to be left alone.
    #[error("save image {written}: {}", tag_race::left_alone(moved))]
    TagMoved {
        /// The tags.
        moved: Vec<MovedTag>,
        /// What was to be written.
        written: Digest,
    },
    /// The image cannot be written.
    #[error("save image")]
    Save(#[source] StoreError),
}

/// A failed cache export. It never fails the export: the edge warns "Failed to export cache: …".
#[derive(Debug, thiserror::Error)]
pub enum CacheExportError {
    /// The cache cannot be opened for writing.
    #[error("start next cache")]
    Begin(#[source] CacheError),
    /// The layers of a buildpack cannot be read.
    #[error("read layers of buildpack '{buildpack}'")]
    ReadLayers {
        /// The buildpack.
        buildpack: String,
        /// Why not.
        #[source]
        source: LayerError,
    },
    /// The next contents cannot be put in place.
    #[error("save cache")]
    Commit(#[source] CacheError),
}
