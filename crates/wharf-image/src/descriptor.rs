//! Content descriptors (OCI image specification, "Content Descriptors").
use crate::{
    family::Family,
    image::ImageError,
    json::{Document, malformed},
};
use serde_json::{Map, Value};
use wharf_layer::Compression;
use wharf_spec::digest::Digest;

/// A content descriptor; members beyond these three are kept in `rest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Bytes of the content.
    pub size: u64,
    /// Annotations, urls, platform … in their order.
    pub rest: Map<String, Value>,
}

impl Descriptor {
    /// From a member `name` of a document.
    pub(crate) fn from_json(
        value: &Value,
        document: Document,
        name: &str,
    ) -> Result<Self, ImageError> {
        let broken = |what: &str| malformed(document, &format!("a descriptor in '{name}' {what}"));
        let mut rest = value
            .as_object()
            .cloned()
            .ok_or_else(|| broken("is not an object"))?;
        let mut text = |member: &str| match rest.shift_remove(member) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(broken(&format!("has no '{member}'"))),
        };
        let media_type = text("mediaType")?;
        let digest = text("digest")?
            .parse()
            .map_err(|error| broken(&format!("names a digest that cannot be used: {error}")))?;
        let size = rest
            .shift_remove("size")
            .and_then(|size| size.as_u64())
            .ok_or_else(|| broken("has no 'size' that is a number of bytes"))?;
        Ok(Self {
            media_type,
            digest,
            size,
            rest,
        })
    }

    /// As a member of a document.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("mediaType".into(), self.media_type.as_str().into());
        members.insert("size".into(), self.size.into());
        members.insert("digest".into(), self.digest.to_string().into());
        members.extend(self.rest.clone());
        Value::Object(members)
    }

    /// How a layer with this descriptor is compressed; an error for what is no layer of either family.
    pub fn layer_compression(&self) -> Result<Compression, ImageError> {
        let unsupported = |reason| ImageError::Unsupported {
            document: "layer",
            media_type: self.media_type.clone(),
            reason,
        };
        match self.media_type.as_str() {
            "application/vnd.docker.image.rootfs.diff.tar"
            | "application/vnd.oci.image.layer.v1.tar" => Ok(Compression::None),
            "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.oci.image.layer.v1.tar+gzip" => Ok(Compression::Gzip),
            "application/vnd.docker.image.rootfs.diff.tar.zstd"
            | "application/vnd.oci.image.layer.v1.tar+zstd" => Ok(Compression::Zstd),
            other if other.contains("foreign") || other.contains("nondistributable") => Err(
                unsupported("layers that are stored elsewhere are unsupported"),
            ),
            other if other.contains("+encrypted") => Err(unsupported(
                "encrypted layers are unsupported, decrypt the image first",
            )),
            _ => Err(unsupported("it is not a layer of a container image")),
        }
    }

    /// The same layer with the media type `family` has for its compression.
    pub(crate) fn in_family(mut self, family: Family) -> Result<Self, ImageError> {
        family
            .layer(self.layer_compression()?)
            .clone_into(&mut self.media_type);
        Ok(self)
    }
}
