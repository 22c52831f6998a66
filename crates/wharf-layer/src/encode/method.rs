//! How blobs are compressed.
use crate::Compression;
use std::{fmt, str::FromStr};

/// A kind of compression and how hard it tries.
///
/// As text: `gzip[:1-12]`, `zstd[:1-19]` or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    kind: Compression,
    level: u8,
}

/// A text that names no method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no way to compress layers; use gzip[:1-12], zstd[:1-19] or none")]
pub struct MethodError {
    text: String,
}

impl Method {
    /// The kind at its default level.
    pub const fn new(kind: Compression) -> Self {
        let level = match kind {
            Compression::None => 0,
            Compression::Gzip => 1,
            Compression::Zstd => 3,
        };
        Self { kind, level }
    }

    /// The kind of compression.
    pub const fn kind(self) -> Compression {
        self.kind
    }

    pub(super) const fn level(self) -> u8 {
        self.level
    }
}

impl Default for Method {
    /// gzip, which every runtime reads, at its fastest.
    fn default() -> Self {
        Self::new(Compression::Gzip)
    }
}

impl FromStr for Method {
    type Err = MethodError;

    fn from_str(text: &str) -> Result<Self, MethodError> {
        let error = || MethodError {
            text: text.to_owned(),
        };
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let (kind, levels) = match name {
            "gzip" => (Compression::Gzip, 1..=12),
            "zstd" => (Compression::Zstd, 1..=19),
            "none" if level.is_none() => return Ok(Self::new(Compression::None)),
            _ => return Err(error()),
        };
        let Some(level) = level else {
            return Ok(Self::new(kind));
        };
        let level = level.parse().map_err(|_| error())?;
        levels
            .contains(&level)
            .then_some(Self { kind, level })
            .ok_or_else(error)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Compression::None => f.write_str("none"),
            Compression::Gzip => write!(f, "gzip:{}", self.level),
            Compression::Zstd => write!(f, "zstd:{}", self.level),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_read_with_and_without_level() {
        for (text, same) in [
            ("gzip", "gzip:1"),
            ("gzip:12", "gzip:12"),
            ("zstd", "zstd:3"),
            ("zstd:19", "zstd:19"),
            ("none", "none"),
        ] {
            assert_eq!(text.parse::<Method>().unwrap().to_string(), same);
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_is_possible() {
        for text in [
            "", "GZIP", "gzip:", "gzip:0", "gzip:13", "zstd:20", "zstd:-1", "none:1", "xz",
        ] {
            let error = text.parse::<Method>().unwrap_err().to_string();
            let expected = format!(
                "'{text}' is no way to compress layers; use gzip[:1-12], zstd[:1-19] or none"
            );
            assert_eq!(error, expected);
        }
    }
}
