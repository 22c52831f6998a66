//! An image: manifest and config, over the bytes they came in.
use serde_json::{Map, Value};
use wharf_layer::Compression;
use wharf_spec::{digest::Digest, target::Target};

/// What an image runs on, in OCI spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`.
    pub architecture: String,
    /// `v8`; `None` matches any.
    pub variant: Option<String>,
}

/// Which of the two families of media types a manifest is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// `application/vnd.docker.…`
    Docker,
    /// `application/vnd.oci.…`
    Oci,
}

impl Family {
    /// Media type of a manifest.
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Docker => "application/vnd.docker.distribution.manifest.v2+json",
            Self::Oci => "application/vnd.oci.image.manifest.v1+json",
        }
    }

    /// Media type of a list of manifests.
    pub fn index(self) -> &'static str {
        match self {
            Self::Docker => "application/vnd.docker.distribution.manifest.list.v2+json",
            Self::Oci => "application/vnd.oci.image.index.v1+json",
        }
    }

    /// Media type of a config.
    pub fn config(self) -> &'static str {
        match self {
            Self::Docker => "application/vnd.docker.container.image.v1+json",
            Self::Oci => "application/vnd.oci.image.config.v1+json",
        }
    }

    /// Media type of a layer. Docker has none for zstd, so that is written in OCI's.
    pub fn layer(self, compression: Compression) -> &'static str {
        match (self, compression) {
            (Self::Docker, Compression::None) => "application/vnd.docker.image.rootfs.diff.tar",
            (Self::Docker, Compression::Gzip) => {
                "application/vnd.docker.image.rootfs.diff.tar.gzip"
            }
            (Self::Oci, Compression::None) => "application/vnd.oci.image.layer.v1.tar",
            (Self::Oci, Compression::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
            (_, Compression::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}

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

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Descriptor from the manifest.
    pub descriptor: Descriptor,
    /// Diff ID from the config.
    pub diff_id: Digest,
}

/// A document that is not an image. Stores add the reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Not JSON, or a member is missing or of the wrong kind.
    #[error("{document} is malformed: {reason}")]
    Malformed {
        /// "manifest", "config" or "index".
        document: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The config bytes are not those the manifest names.
    #[error("config has digest {actual} but the manifest names {expected}")]
    ConfigDigest {
        /// Named by the manifest.
        expected: Digest,
        /// Of the bytes.
        actual: Digest,
    },
    /// Manifest and config disagree about layers.
    #[error("manifest has {layers} layers but the config has {diff_ids} diff ids")]
    LayerCount {
        /// In the manifest.
        layers: usize,
        /// In the config.
        diff_ids: usize,
    },
}

/// An immutable image.
#[derive(Debug, Clone)]
pub struct Image {
    manifest_bytes: Vec<u8>,
    config_bytes: Vec<u8>,
    digest: Digest,
    manifest: Map<String, Value>,
    config: Map<String, Value>,
    layers: Vec<Layer>,
    family: Family,
}

impl Image {
    /// Parses and checks both documents; the config must be the one the manifest names.
    pub fn parse(manifest_bytes: Vec<u8>, config_bytes: Vec<u8>) -> Result<Self, ImageError> {
        let _ = (manifest_bytes, config_bytes);
        todo!()
    }

    /// Descriptor of the config a manifest names, so that a store can fetch it.
    pub fn config_descriptor(manifest_bytes: &[u8]) -> Result<Descriptor, ImageError> {
        let _ = manifest_bytes;
        todo!()
    }

    /// Digest of the manifest bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The manifest as received.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// The config as received.
    pub fn config_bytes(&self) -> &[u8] {
        &self.config_bytes
    }

    /// The manifest as JSON.
    pub fn manifest(&self) -> &Map<String, Value> {
        &self.manifest
    }

    /// The config document as JSON (`architecture`, `config`, `rootfs` …).
    pub fn config(&self) -> &Map<String, Value> {
        &self.config
    }

    /// Layers, lowest first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Family of the manifest.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Diff ID of the uppermost layer.
    pub fn top_layer(&self) -> Option<Digest> {
        self.layers.last().map(|layer| layer.diff_id)
    }

    /// A label of the config.
    pub fn label(&self, name: &str) -> Option<&str> {
        let _ = name;
        todo!()
    }

    /// The value of an environment variable; everything after the first `=`.
    pub fn env(&self, name: &str) -> Option<&str> {
        let _ = name;
        todo!()
    }

    /// What the image runs on.
    pub fn platform(&self) -> Platform {
        todo!()
    }

    /// Platform with distribution and id from the labels `io.buildpacks.base.*`.
    pub fn target(&self) -> Target {
        todo!()
    }
}
