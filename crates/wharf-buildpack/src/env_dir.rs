//! `env` directories as lists of files.
use crate::file::{FileError, FileErrorKind, read_optional};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use wharf_env::EnvFile;

/// The largest value; one variable of this size still fits into what the kernel passes to a program.
const VALUE_LIMIT: u64 = 128 * 1024;
/// The largest number of files in one directory.
const FILE_LIMIT: usize = 10_000;

/// An `env` directory that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EnvDirError {
    /// The directory itself.
    #[error("read directory '{}'", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// One of its files.
    #[error("read environment variable")]
    File(#[from] FileError),
    /// Too many files.
    #[error("'{}' holds more than {FILE_LIMIT} files", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

/// The regular files of `directory` sorted by name, links to files included; everything else is skipped. A missing
/// directory has none.
pub fn read(directory: &Path) -> Result<Vec<EnvFile>, EnvDirError> {
    let failed = |source| EnvDirError::Directory {
        path: directory.to_owned(),
        source,
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if let Some(content) = read_value(&entry.path())? {
            files.push(EnvFile {
                name: entry.file_name(),
                content,
            });
        }
        if files.len() > FILE_LIMIT {
            return Err(EnvDirError::TooMany {
                path: directory.to_owned(),
            });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn read_value(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let content = match read_optional(path, VALUE_LIMIT) {
        Err(FileError {
            kind: FileErrorKind::NotAFile,
            ..
        }) => return Ok(None),
        other => other?,
    };
    match content {
        Some(content) if content.contains(&0) => Err(FileError {
            path: path.to_owned(),
            kind: FileErrorKind::ZeroByte,
        }),
        other => Ok(other),
    }
}
