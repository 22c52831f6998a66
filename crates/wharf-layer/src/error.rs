//! What can go wrong with a layer.
use std::{io, path::PathBuf};

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
}
