//! `seals.toml`, wharf's own: a second digest of each archive in a cache directory, which is computed several times
//! faster than its diff ID.
//!
//! It lies beside the archives and is as good as they are: it finds out damage, not somebody who may write to the cache.
//! Without it, or when it is damaged, archives are verified by their diff IDs.
use crate::digest::Digest;
use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Name of the file in a cache directory.
pub const FILE_NAME: &str = "seals.toml";

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seals {
    /// One for each archive.
    pub sealed: Vec<Sealed>,
}

/// An archive and its seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sealed {
    /// Diff ID of the archive.
    pub diff_id: Digest,
    /// The other digest of the same bytes.
    pub seal: Seal,
}

/// A BLAKE3 digest, written `blake3:<64 hex digits>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seal(String);

impl Seal {
    /// From the hex digits of the digest.
    pub fn from_hex(hex: &str) -> Self {
        Self(alloc::format!("blake3:{hex}"))
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Seals {
    /// The seal of an archive.
    pub fn of(&self, diff_id: Digest) -> Option<&Seal> {
        let same = |sealed: &&Sealed| sealed.diff_id == diff_id;
        self.sealed.iter().find(same).map(|sealed| &sealed.seal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{encode::toml_text, files::parse};

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let diff_id = Digest::from_bytes([1; 32]);
        let file = Seals {
            sealed: alloc::vec![Sealed {
                diff_id,
                seal: Seal::from_hex("ab"),
            }],
        };
        let text = toml_text(&file).unwrap();
        let expected =
            alloc::format!("[[sealed]]\n  diff-id = \"{diff_id}\"\n  seal = \"blake3:ab\"\n");
        assert_eq!(text, expected);
        let read: Seals = parse(&text).unwrap();
        assert_eq!(read, file);
        assert_eq!(read.of(diff_id), Some(&Seal::from_hex("ab")));
        assert_eq!(read.of(Digest::from_bytes([2; 32])), None);
    }
}
