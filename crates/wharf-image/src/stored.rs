//! Manifests and indexes as a store keeps them: bytes that nobody has to understand to move a tag.
use crate::{
    descriptor::Descriptor,
    family::Family,
    image::{Image, ImageError, MAX_CONFIG_BYTES, digest_of},
    index::{self, IndexEntry},
    json::{Document, check_size},
    store_error::{StoreError, StoreErrorKind},
};
use serde::Deserialize;
use serde_json::Value;
use std::io::Read;
use wharf_spec::{digest::Digest, reference::Reference};

/// Gives the bytes of a blob.
type OpenBlob<'a> = &'a dyn Fn(&Descriptor) -> Result<Box<dyn Read + Send>, StoreError>;

/// The member that is looked at before all others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    media_type: Option<String>,
}

/// A manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The document.
    pub bytes: Vec<u8>,
    /// Its media type: its own word, else what it was announced as.
    pub media_type: String,
}

/// Something that names an image as its subject: a signature, an SBOM, an attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Its manifest.
    pub digest: Digest,
    /// What it is; empty when nobody says.
    pub artifact_type: String,
}

impl Stored {
    /// Of a document; `announced` counts where it names no media type itself.
    pub fn new(bytes: Vec<u8>, announced: &str) -> Self {
        let own = own_media_type(&bytes);
        Self {
            media_type: own.unwrap_or_else(|| announced.to_owned()),
            bytes,
        }
    }

    /// Of an image.
    pub fn of_image(image: &Image) -> Self {
        let own = image.manifest().get("mediaType").and_then(Value::as_str);
        let own = own.filter(|own| !own.is_empty());
        Self {
            bytes: image.manifest_bytes().to_vec(),
            media_type: own.unwrap_or_else(|| image.family().manifest()).to_owned(),
        }
    }

    /// Digest of the bytes.
    pub fn digest(&self) -> Digest {
        digest_of(&self.bytes)
    }

    /// The entries of an index; `None` for the manifest of an image.
    pub fn entries(&self) -> Result<Option<Vec<IndexEntry>>, ImageError> {
        // What says of itself that it is a manifest need not be looked into.
        let is_manifest = [Family::Oci, Family::Docker]
            .iter()
            .any(|family| own_media_type(&self.bytes).as_deref() == Some(family.manifest()));
        if !is_manifest && index::is_index(&self.bytes)? {
            index::parse(&self.bytes).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The image of a manifest found at `reference`; `open` gives the bytes of its config.
    pub(crate) fn image(
        self,
        reference: &Reference,
        open: OpenBlob<'_>,
    ) -> Result<Image, StoreError> {
        let fail = |kind| StoreError {
            action: "read image",
            reference: reference.to_string(),
            kind,
        };
        let of_image = |error: ImageError| fail(StoreErrorKind::Image(error));
        let config = Image::config_descriptor(&self.bytes).map_err(of_image)?;
        check_size(Document::Config, config.size).map_err(of_image)?;
        let mut bytes = Vec::new();
        let read = open(&config)?
            .take(MAX_CONFIG_BYTES + 1)
            .read_to_end(&mut bytes);
        read.map_err(|source| fail(unreadable(&config, source)))?;
        Image::parse(self.bytes, bytes).map_err(of_image)
    }
}

/// What a document says of itself.
fn own_media_type(bytes: &[u8]) -> Option<String> {
    let head: Option<Head> = serde_json::from_slice(bytes).ok();
    head?.media_type.filter(|own| !own.is_empty())
}

fn unreadable(config: &Descriptor, source: std::io::Error) -> StoreErrorKind {
    match source.downcast::<StoreError>() {
        Ok(error) => error.kind,
        Err(source) => StoreErrorKind::Io {
            action: "read config",
            path: config.digest.to_string(),
            source,
        },
    }
}
