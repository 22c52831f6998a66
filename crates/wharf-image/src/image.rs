//! An image: manifest and config, over the bytes they came in.
use crate::{
    descriptor::Descriptor,
    family::Family,
    json::{self, Document, malformed},
    platform::Platform,
};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use wharf_spec::{
    digest::Digest,
    labels,
    target::{BIONIC_STACK, Distro, Target},
};

/// Largest manifest or index that is read; registries refuse larger ones.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// Largest config that is read.
pub const MAX_CONFIG_BYTES: u64 = 8 << 20;

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
    /// A document of a kind that wharf does not take.
    #[error("{document} has media type '{media_type}': {reason}")]
    Unsupported {
        /// "manifest", "config", "index" or "layer".
        document: &'static str,
        /// Its media type.
        media_type: String,
        /// Why not, and what to do.
        reason: &'static str,
    },
    /// A document is larger than any honest one.
    #[error("{document} has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// "manifest", "config" or "index".
        document: &'static str,
        /// Its bytes.
        size: u64,
        /// The limit.
        limit: u64,
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
        let manifest = json::parse(Document::Manifest, &manifest_bytes)?;
        let family = family_of(&manifest)?;
        let named = config_of(&manifest)?;
        let actual = digest_of(&config_bytes);
        if actual != named.digest {
            return Err(ImageError::ConfigDigest {
                expected: named.digest,
                actual,
            });
        }
        let config = json::parse(Document::Config, &config_bytes)?;
        let layers = layers_of(&manifest, &config)?;
        Ok(Self {
            digest: digest_of(&manifest_bytes),
            manifest_bytes,
            config_bytes,
            manifest,
            config,
            layers,
            family,
        })
    }

    /// Descriptor of the config a manifest names, so that a store can fetch it.
    pub fn config_descriptor(manifest_bytes: &[u8]) -> Result<Descriptor, ImageError> {
        let manifest = json::parse(Document::Manifest, manifest_bytes)?;
        family_of(&manifest)?;
        config_of(&manifest)
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

    /// Digest of the config, which is the image ID.
    pub fn config_digest(&self) -> Digest {
        digest_of(&self.config_bytes)
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

    /// Family of the manifest. Its layers may be of the other one: the reference lifecycle writes such images.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Diff ID of the uppermost layer.
    pub fn top_layer(&self) -> Option<Digest> {
        self.layers.last().map(|layer| layer.diff_id)
    }

    /// A label of the config.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels()?.get(name)?.as_str()
    }

    /// All labels; `None` when there are none.
    pub fn labels(&self) -> Option<&Map<String, Value>> {
        self.run_config("Labels")?.as_object()
    }

    /// The value of an environment variable; everything after the first `=`.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env_entries()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The environment in order; an entry without `=` has an empty value.
    pub fn env_entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.run_config("Env").and_then(Value::as_array);
        entries
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|entry| entry.split_once('=').unwrap_or((entry, "")))
    }

    /// `User` of the config; empty when there is none.
    pub fn user(&self) -> &str {
        self.run_config("User")
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    /// What the image runs on; empty where the config does not say.
    pub fn platform(&self) -> Platform {
        let text = |name: &str| self.config.get(name).and_then(Value::as_str).unwrap_or("");
        Platform {
            os: text("os").to_owned(),
            architecture: text("architecture").to_owned(),
            variant: Some(text("variant").to_owned()).filter(|variant| !variant.is_empty()),
        }
    }

    /// Platform with distribution and id from the labels `io.buildpacks.base.*`.
    ///
    /// An image of the stack bionic without them is of Ubuntu 18.04 (platform spec, "analyzed.toml").
    pub fn target(&self) -> Target {
        target_of(self.platform(), &|name| self.label(name))
    }

    /// A member of `config.config`, what the image says about running it.
    fn run_config(&self, name: &str) -> Option<&Value> {
        self.config.get("config")?.get(name)
    }
}

/// The target that a platform and labels describe; see [`Image::target`].
pub fn target_of<'a>(platform: Platform, label: &dyn Fn(&str) -> Option<&'a str>) -> Target {
    let text = |name: &str| label(name).unwrap_or("").to_owned();
    let mut distro = Distro {
        name: text(labels::DISTRO_NAME),
        version: text(labels::DISTRO_VERSION),
    };
    if distro == Distro::default() && label(labels::STACK_ID) == Some(BIONIC_STACK) {
        distro = Distro::bionic();
    }
    Target {
        id: text(labels::BASE_ID),
        os: platform.os,
        arch: platform.architecture,
        arch_variant: platform.variant.unwrap_or_default(),
        distro: Some(distro).filter(|distro| *distro != Distro::default()),
    }
}

/// Digest of bytes at hand.
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// The family a manifest is written in; without a media type of its own, that of its config.
fn family_of(manifest: &Map<String, Value>) -> Result<Family, ImageError> {
    let own = manifest.get("mediaType").and_then(Value::as_str);
    let unsupported = |media_type: &str, reason| ImageError::Unsupported {
        document: Document::Manifest.name(),
        media_type: media_type.to_owned(),
        reason,
    };
    match own {
        Some(own) if own == Family::Docker.manifest() => return Ok(Family::Docker),
        Some(own) if own == Family::Oci.manifest() => return Ok(Family::Oci),
        Some(own) if own == Family::Docker.index() || own == Family::Oci.index() => {
            return Err(unsupported(own, "it is an index of images, not an image"));
        }
        Some(own) if own.contains("manifest.v1+") && own.contains("docker") => {
            return Err(unsupported(own, SCHEMA_1));
        }
        Some("") | None => {}
        Some(own) => return Err(unsupported(own, "it is not an image manifest")),
    }
    if manifest.get("schemaVersion").and_then(Value::as_u64) == Some(1) {
        return Err(unsupported("", SCHEMA_1));
    }
    if manifest.contains_key("manifests") {
        return Err(unsupported("", "it is an index of images, not an image"));
    }
    let config = config_of(manifest)?;
    Ok(if config.media_type == Family::Docker.config() {
        Family::Docker
    } else {
        Family::Oci
    })
}

const SCHEMA_1: &str =
    "manifests of schema 1 are unsupported, push the image again with a current client";

fn config_of(manifest: &Map<String, Value>) -> Result<Descriptor, ImageError> {
    let value = manifest
        .get("config")
        .ok_or_else(|| malformed(Document::Manifest, "'config' is missing"))?;
    let config = Descriptor::from_json(value, Document::Manifest, "config")?;
    if [Family::Docker.config(), Family::Oci.config()].contains(&config.media_type.as_str()) {
        return Ok(config);
    }
    Err(ImageError::Unsupported {
        document: Document::Config.name(),
        media_type: config.media_type,
        reason: "it is not the config of an image, but of some other artifact",
    })
}

fn layers_of(
    manifest: &Map<String, Value>,
    config: &Map<String, Value>,
) -> Result<Vec<Layer>, ImageError> {
    let descriptors = json::array(manifest.get("layers"), Document::Manifest, "layers")?;
    let rootfs = config
        .get("rootfs")
        .and_then(|rootfs| rootfs.get("diff_ids"));
    let diff_ids = json::array(rootfs, Document::Config, "rootfs.diff_ids")?;
    if descriptors.len() != diff_ids.len() {
        return Err(ImageError::LayerCount {
            layers: descriptors.len(),
            diff_ids: diff_ids.len(),
        });
    }
    let layer = |(descriptor, diff_id): (&Value, &Value)| {
        let descriptor = Descriptor::from_json(descriptor, Document::Manifest, "layers")?;
        descriptor.layer_compression()?;
        let diff_id = diff_id.as_str().and_then(|text| text.parse().ok());
        let diff_id = diff_id.ok_or_else(|| {
            malformed(
                Document::Config,
                "'rootfs.diff_ids' has what is not a sha256 digest",
            )
        })?;
        Ok(Layer {
            descriptor,
            diff_id,
        })
    };
    descriptors.iter().zip(diff_ids).map(layer).collect()
}
