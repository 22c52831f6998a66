//! Indexes: one name for images of several platforms (OCI image specification, "Image Index").
use crate::{
    descriptor::Descriptor,
    family::Family,
    image::ImageError,
    json::{self, Document},
    platform::Platform,
};
use serde_json::{Map, Value};

/// How deep an index may hold another one. Deeper than this nothing honest goes.
pub const MAX_DEPTH: usize = 4;

/// One member of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Where the image, or an inner index, is.
    pub descriptor: Descriptor,
    /// What it runs on, when the index says so.
    pub platform: Option<Platform>,
}

impl IndexEntry {
    /// Whether the entry is itself an index.
    pub fn is_index(&self) -> bool {
        let media_type = self.descriptor.media_type.as_str();
        media_type == Family::Docker.index() || media_type == Family::Oci.index()
    }

    /// Whether the entry is an image; attestations and other artifacts stand in indexes, too.
    pub fn is_image(&self) -> bool {
        let media_type = self.descriptor.media_type.as_str();
        let unknown = |platform: &Platform| platform.os == "unknown";
        (media_type == Family::Docker.manifest() || media_type == Family::Oci.manifest())
            && !self.descriptor.rest.contains_key("artifactType")
            && !self.platform.as_ref().is_some_and(unknown)
    }

    /// A string annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.descriptor.rest.get("annotations")?.get(name)?.as_str()
    }
}

/// Whether `bytes` are an index rather than a manifest, whatever they were announced as.
pub fn is_index(bytes: &[u8]) -> Result<bool, ImageError> {
    let document = json::parse(Document::Manifest, bytes)?;
    Ok(match document.get("mediaType").and_then(Value::as_str) {
        Some(own) if own == Family::Docker.index() || own == Family::Oci.index() => true,
        Some(own) if own == Family::Docker.manifest() || own == Family::Oci.manifest() => false,
        _ => document.contains_key("manifests"),
    })
}

/// The members of an index.
pub fn parse(bytes: &[u8]) -> Result<Vec<IndexEntry>, ImageError> {
    let document = json::parse(Document::Index, bytes)?;
    json::array(document.get("manifests"), Document::Index, "manifests")?
        .iter()
        .map(|value| {
            let descriptor = Descriptor::from_json(value, Document::Index, "manifests")?;
            let platform = descriptor.rest.get("platform").and_then(Value::as_object);
            let platform = platform.map(platform_of);
            Ok(IndexEntry {
                descriptor,
                platform,
            })
        })
        .collect()
}

fn platform_of(members: &Map<String, Value>) -> Platform {
    let text = |name: &str| {
        members
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    Platform {
        os: text("os"),
        architecture: text("architecture"),
        variant: Some(text("variant")).filter(|variant| !variant.is_empty()),
    }
}

/// The image for `wanted`: the first of its very variant, else the first that serves it. Images without a platform
/// are the last resort: only their config tells. Inner indexes are not looked into.
pub fn select<'a>(entries: &'a [IndexEntry], wanted: &Platform) -> Option<&'a IndexEntry> {
    let images = || entries.iter().filter(|entry| entry.is_image());
    let serving = || {
        images().filter(|entry| {
            entry
                .platform
                .as_ref()
                .is_some_and(|platform| platform.serves(wanted))
        })
    };
    let same_variant = |entry: &&IndexEntry| {
        entry
            .platform
            .as_ref()
            .is_some_and(|platform| platform.variant_text() == wanted.variant_text())
    };
    serving()
        .find(same_variant)
        .or_else(|| serving().next())
        .or_else(|| images().find(|entry| entry.platform.is_none()))
}

/// The platforms of the images in an index, for messages.
pub fn offered(entries: &[IndexEntry]) -> String {
    let platforms: Vec<String> = entries
        .iter()
        .filter(|entry| entry.is_image())
        .map(|entry| {
            entry
                .platform
                .as_ref()
                .map_or_else(|| "an unnamed platform".to_owned(), Platform::to_string)
        })
        .collect();
    if platforms.is_empty() {
        "no images".to_owned()
    } else {
        platforms.join(", ")
    }
}
