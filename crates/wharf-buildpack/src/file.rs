//! Files from outside, read with a limit.
use serde::de::DeserializeOwned;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};
use wharf_spec::files::{ParseError, parse};

/// More than any TOML file of the specification needs.
pub const TOML_LIMIT: u64 = 4 * 1024 * 1024;

/// A file that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("read '{}'", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub kind: FileErrorKind,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileErrorKind {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a directory, a device, a socket or a pipe.
    #[error("it is not a regular file")]
    NotAFile,
    /// It is larger than it may be.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// It is not text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// It is not the TOML it should be; the message has line and column.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It has a zero byte, which no environment variable can hold.
    #[error("it contains a zero byte, which an environment variable cannot hold")]
    ZeroByte,
}

/// The content of a regular file (or a link to one) of at most `limit` bytes; `None` when there is no such file.
pub fn read_optional(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    match read_limited(path, limit) {
        Ok(content) => Ok(Some(content)),
        Err(FileErrorKind::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(kind) => Err(FileError {
            path: path.to_owned(),
            kind,
        }),
    }
}

/// A parsed TOML file; `None` when there is no such file.
pub fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let Some(text) = read_text(path)? else {
        return Ok(None);
    };
    parse_text(path, &text).map(Some)
}

/// The text of a TOML file; `None` when there is no such file.
pub fn read_text(path: &Path) -> Result<Option<String>, FileError> {
    let Some(content) = read_optional(path, TOML_LIMIT)? else {
        return Ok(None);
    };
    let text = String::from_utf8(content).map_err(|_| FileError {
        path: path.to_owned(),
        kind: FileErrorKind::NotText,
    })?;
    Ok(Some(text))
}

/// Parses the text that was read from `path`.
pub fn parse_text<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, FileError> {
    parse(text).map_err(|error| FileError {
        path: path.to_owned(),
        kind: error.into(),
    })
}

fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, FileErrorKind> {
    // Looked at before it is opened: opening a pipe waits for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(FileErrorKind::NotAFile);
    }
    let mut content = Vec::new();
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return Err(FileErrorKind::TooLarge { limit });
    }
    Ok(content)
}
