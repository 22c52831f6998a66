//! Reading untrusted JSON documents.
use crate::image::{ImageError, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES};
use serde_json::{Map, Value};

/// The kinds of documents, for messages and limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Document {
    Manifest,
    Config,
    Index,
}

impl Document {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Config => "config",
            Self::Index => "index",
        }
    }

    fn limit(self) -> u64 {
        match self {
            Self::Manifest | Self::Index => MAX_MANIFEST_BYTES,
            Self::Config => MAX_CONFIG_BYTES,
        }
    }
}

/// The members of a document; anything but an object is malformed.
pub(crate) fn parse(document: Document, bytes: &[u8]) -> Result<Map<String, Value>, ImageError> {
    check_size(document, bytes.len() as u64)?;
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(malformed(document, "it is not a JSON object")),
        Err(error) => Err(malformed(document, &error.to_string())),
    }
}

pub(crate) fn check_size(document: Document, size: u64) -> Result<(), ImageError> {
    let limit = document.limit();
    if size > limit {
        return Err(ImageError::TooLarge {
            document: document.name(),
            size,
            limit,
        });
    }
    Ok(())
}

/// The elements of an array; a missing one or `null` is empty, as Go writes it.
pub(crate) fn array<'a>(
    value: Option<&'a Value>,
    document: Document,
    name: &str,
) -> Result<&'a [Value], ImageError> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(malformed(document, &format!("'{name}' is not an array"))),
    }
}

pub(crate) fn malformed(document: Document, reason: &str) -> ImageError {
    ImageError::Malformed {
        document: document.name(),
        reason: reason.to_owned(),
    }
}
