//! Archives back into directories, confined beneath a root whatever names and links the archive holds.
use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

/// What an archive may do.
#[derive(Debug, Clone)]
pub struct ExtractOptions {
    /// Archive path that lands on the destination. Ancestors of it are skipped, anything else is refused.
    /// `/` takes everything, with or without a leading slash or `./`.
    pub strip: PathBuf,
    /// Whether `.wh.` entries remove what lower layers put there (image file systems).
    pub whiteouts: bool,
    /// Whether owner ids are applied (needs the right to).
    pub owners: bool,
    /// Whether modification times of the archive are applied to files; otherwise "now".
    pub times: bool,
    /// Largest number of entries.
    pub max_entries: u64,
    /// Largest sum of file sizes.
    pub max_bytes: u64,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Entries.
    pub entries: u64,
    /// Sum of file sizes.
    pub bytes: u64,
}

/// Why an archive was not extracted. What was written before is the caller's to remove.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The archive or a verifying reader below it failed.
    #[error("read archive")]
    Read(#[source] io::Error),
    /// An entry leaves the destination, or is of a kind that is never extracted.
    #[error("entry '{name}' {reason}")]
    Refused {
        /// Name as the archive has it.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// A limit was exceeded.
    #[error("archive exceeds {limit} {what}")]
    TooLarge {
        /// "entries" or "bytes".
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Writing failed.
    #[error("{action} '{}'", path.display())]
    Write {
        /// What was tried.
        action: &'static str,
        /// Path below the destination.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// Extracts the uncompressed archive `tar` into the directory `destination`, which is created when missing.
/// Reads `tar` to its end, so that a verifying reader has seen every byte when this returns.
pub fn extract(
    tar: &mut dyn Read,
    destination: &Path,
    options: &ExtractOptions,
) -> Result<Extracted, ExtractError> {
    let _ = (tar, destination, options);
    todo!()
}
