//! `fingerprints.toml`, wharf's own: which files had which diff ID when they were last seen.
//!
//! The restorer leaves it in the layers directory for the layers it put back, the exporter in the cache for the app. It
//! saves reading files; without it, or when it is damaged, everything is read.
use crate::digest::Digest;
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Name of the file in the layers directory and in a cache directory.
pub const FILE_NAME: &str = "fingerprints.toml";

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fingerprints {
    /// What was seen.
    pub seen: Vec<Seen>,
}

/// The files of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// Directory of the layer, or the app directory.
    pub root: String,
    /// Digest over what the file system says of each file.
    pub fingerprint: Digest,
    /// The newest change of any of them: seconds and nanoseconds since 1970.
    pub newest: (i64, i64),
    /// Diff ID of the layer that they make.
    pub diff_id: Digest,
}

impl Fingerprints {
    /// The newest change of all that was seen below `root`; `None` when nothing was.
    pub fn newest(&self, root: &str) -> Option<(i64, i64)> {
        let below = self.seen.iter().filter(|seen| seen.root == root);
        below.map(|seen| seen.newest).max()
    }

    /// The diff ID of the files with this fingerprint.
    pub fn diff_id(&self, fingerprint: Digest) -> Option<Digest> {
        let same = |seen: &&Seen| seen.fingerprint == fingerprint;
        self.seen.iter().find(same).map(|seen| seen.diff_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{encode::toml_text, files::parse};

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let file = Fingerprints {
            seen: alloc::vec![Seen {
                root: "/layers/example/x".into(),
                fingerprint: digest(1),
                newest: (1_700_000_000, 5),
                diff_id: digest(2),
            }],
        };
        let text = toml_text(&file).unwrap();
        let expected = alloc::format!(
            "[[seen]]\n  root = \"/layers/example/x\"\n  fingerprint = \"{}\"\n  newest = [1700000000, 5]\n  diff-id = \"{}\"\n",
            digest(1),
            digest(2)
        );
        assert_eq!(text, expected);
        let read: Fingerprints = parse(&text).unwrap();
        assert_eq!(read, file);
        assert_eq!(read.newest("/layers/example/x"), Some((1_700_000_000, 5)));
        assert_eq!(read.newest("/layers/example"), None);
        assert_eq!(read.diff_id(digest(1)), Some(digest(2)));
        assert_eq!(read.diff_id(digest(2)), None);
    }
}
