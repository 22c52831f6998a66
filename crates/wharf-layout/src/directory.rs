//! One layout directory: its index and the blobs it has.
use crate::{incoming, write};
use serde_json::{Map, Value, json};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};
use wharf_image::{
    Descriptor, Family, ImageError, StoreErrorKind,
    image::{MAX_MANIFEST_BYTES, digest_of},
    index::{self, IndexEntry},
};
use wharf_spec::{digest::Digest, encode};

/// Annotation of an index entry that names its tag.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A layout directory, which may be missing or sparse.
#[derive(Debug, Clone)]
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    /// Where a blob is, or would be.
    pub(crate) fn blob_path(&self, digest: Digest) -> PathBuf {
        self.0.join("blobs/sha256").join(digest.hex())
    }

    /// Whether the blob is there with the right size; its content is judged when it is read.
    pub(crate) fn has_blob(&self, blob: &Descriptor) -> bool {
        self.blob_path(blob.digest)
            .metadata()
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() == blob.size)
    }

    /// The entries of the index; `None` when there is no index.
    pub(crate) fn entries(&self) -> Result<Option<Vec<IndexEntry>>, StoreErrorKind> {
        match read_limited(&self.index_path(), MAX_MANIFEST_BYTES) {
            Ok(bytes) => Ok(Some(index::parse(&bytes)?)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(source) => Err(io_error("read", &self.index_path(), source)),
        }
    }

    /// A small document, verified; `None` when it is not there.
    pub(crate) fn read_document(
        &self,
        what: &'static str,
        digest: Digest,
        size: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, StoreErrorKind> {
        let path = self.blob_path(digest);
        let bytes = match read_limited(&path, limit) {
            Ok(bytes) => bytes,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(source) => return Err(io_error("read", &path, source)),
        };
        let mismatch = |expected: String, actual: String| StoreErrorKind::Mismatch {
            what,
            expected,
            actual,
        };
        let actual_size = bytes.len() as u64;
        if let Some(size) = size.filter(|size| *size != actual_size) {
            return Err(mismatch(
                format!("{size} bytes"),
                format!("{actual_size} bytes"),
            ));
        }
        let actual = digest_of(&bytes);
        if actual != digest {
            return Err(mismatch(digest.to_string(), actual.to_string()));
        }
        Ok(Some(bytes))
    }

    /// Makes the directory a layout without images, unless it is one, and removes what killed writers left.
    pub(crate) fn prepare(&self) -> Result<(), StoreErrorKind> {
        let blobs = self.0.join("blobs/sha256");
        std::fs::create_dir_all(&blobs).map_err(|source| io_error("create", &blobs, source))?;
        incoming::sweep(&self.0);
        incoming::sweep(&blobs);
        let marker = self.0.join("oci-layout");
        if marker.exists() {
            return Ok(());
        }
        write::replace(&marker, br#"{"imageLayoutVersion":"1.0.0"}"#)
            .map_err(|source| io_error("write", &marker, source))
    }

    /// Changes the index; at once for readers and without losing what others write at the same time.
    pub(crate) fn update_index(
        &self,
        change: &mut dyn FnMut(&mut Vec<Value>),
    ) -> Result<(), StoreErrorKind> {
        let path = self.index_path();
        let fail = |action| move |source| io_error(action, &self.0, source);
        let _lock = write::lock(&self.0).map_err(fail("lock"))?;
        let mut members = match read_limited(&path, MAX_MANIFEST_BYTES) {
            Ok(bytes) => {
                index::parse(&bytes)?;
                members(&bytes)
            }
            Err(error) if is_missing(&error) => Map::new(),
            Err(source) => return Err(io_error("read", &path, source)),
        };
        let mut entries = match members.shift_remove("manifests") {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        };
        change(&mut entries);
        members.insert("schemaVersion".into(), json!(2));
        members.insert("mediaType".into(), Family::Oci.index().into());
        members.insert("manifests".into(), Value::Array(entries));
        let text = encode::json_text(&Value::Object(members)).map_err(|error| {
            StoreErrorKind::Image(ImageError::Malformed {
                document: "index",
                reason: error.to_string(),
            })
        })?;
        write::replace(&path, text.as_bytes()).map_err(|source| io_error("write", &path, source))
    }

    pub(crate) fn index_path(&self) -> PathBuf {
        self.0.join("index.json")
    }
}

/// A failed file operation.
pub(crate) fn io_error(action: &'static str, path: &Path, source: io::Error) -> StoreErrorKind {
    StoreErrorKind::Io {
        action,
        path: path.display().to_string(),
        source,
    }
}

/// Whether a file is not there at all.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn members(bytes: &[u8]) -> Map<String, Value> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let message = format!("it has more than the {limit} bytes that are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
