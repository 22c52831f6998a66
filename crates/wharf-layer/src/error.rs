//! What can go wrong with a layer.
use std::{io, path::PathBuf};
use wharf_spec::files::ParseError;

/// A layer that could not be read, written or verified. Every variant names the path or layer.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// An operation on a file or directory failed.
    #[error("{action} '{}'", path.display())]
    Io {
        /// What was tried: "read", "create" …
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A file grew, shrank or vanished while it was being read.
    #[error("'{}' changed while it was being read; nothing was written", path.display())]
    Changed {
        /// The path.
        path: PathBuf,
    },
    /// The receiver of the bytes failed.
    #[error("write layer")]
    Write(#[source] io::Error),
    /// A path that cannot be in a layer.
    #[error("'{}' {reason}", path.display())]
    Unsupported {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// A slice pattern that is malformed or leaves the app directory.
    #[error("slice pattern '{pattern}' {reason}")]
    SlicePattern {
        /// The pattern as the buildpack wrote it.
        pattern: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file that is larger than any such file can reasonably be.
    #[error("'{}' is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file that is not what its name says.
    #[error("parse '{}'", path.display())]
    Parse {
        /// The path.
        path: PathBuf,
        /// What is wrong, with line and column.
        #[source]
        source: ParseError,
    },
    /// `launch`, `build` or `cache` stand where old buildpacks put them.
    #[error("'{}' sets '{flag}' at top level, it belongs into the table [types]", path.display())]
    TopLevelFlag {
        /// The path.
        path: PathBuf,
        /// The key.
        flag: &'static str,
    },
    /// An SBOM file whose extension stands for no format.
    #[error(
        "'{}' is in no SBOM format, expected the extension cdx.json, spdx.json or syft.json",
        path.display()
    )]
    UnknownSbomFormat {
        /// The path.
        path: PathBuf,
    },
    /// An SBOM file in a format that `buildpack.toml` does not list.
    #[error("'{}' is of media type '{media_type}', which sbom-formats does not list", path.display())]
    UndeclaredSbomFormat {
        /// The path.
        path: PathBuf,
        /// The media type that is missing.
        media_type: &'static str,
    },
}
