//! What a manifest is, and which entry of an index to take.
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, ImageIndexEntry,
    OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciImageIndex,
};
use serde::Deserialize;
use wharf_image::{ImageError, Platform, StoreErrorKind};
use wharf_spec::digest::Digest;

/// All that can be asked for; a server that misses one in `Accept` answers 404 or converts.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// What bytes sent as a manifest are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    Index,
}

/// The entry of an index that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    schema_version: Option<u8>,
}

/// Tells image and index apart: by the document itself, then by the `Content-Type` it came with, then by its members.
pub(crate) fn kind(bytes: &[u8], content_type: Option<&str>) -> Result<Kind, StoreErrorKind> {
    let head: Head =
        serde_json::from_slice(bytes).map_err(|error| malformed("manifest", &error))?;
    let known = |media_type: &str| match media_type {
        OCI_IMAGE_MEDIA_TYPE | IMAGE_MANIFEST_MEDIA_TYPE => Some(Kind::Image),
        OCI_IMAGE_INDEX_MEDIA_TYPE | IMAGE_MANIFEST_LIST_MEDIA_TYPE => Some(Kind::Index),
        _ => None,
    };
    if head.schema_version == Some(1) {
        let reason = "manifests of schema version 1 are not supported; push the image again with a current tool";
        return Err(StoreErrorKind::Unsupported(reason.to_owned()));
    }
    let sent = content_type.map(|text| text.split(';').next().unwrap_or(text).trim());
    match head.media_type.as_deref() {
        Some(media_type) => known(media_type).ok_or_else(|| {
            let detail = format!("'{media_type}' is not an image or index");
            StoreErrorKind::UnsupportedMediaType { detail }
        }),
        None if head.manifests.is_some() => Ok(Kind::Index),
        None => Ok(sent.and_then(known).unwrap_or(Kind::Image)),
    }
}

/// The entry for `wanted`: one of its variant, else one without a variant; any when no variant is wanted.
pub(crate) fn choose(bytes: &[u8], wanted: &Platform) -> Result<Chosen, StoreErrorKind> {
    let index: OciImageIndex =
        serde_json::from_slice(bytes).map_err(|error| malformed("index", &error))?;
    let entry = [true, false]
        .into_iter()
        .find_map(|exact| {
            let mut entries = index.manifests.iter();
            entries.find(|entry| matches(entry, wanted, exact))
        })
        .ok_or_else(|| StoreErrorKind::WrongPlatform {
            wanted: describe(wanted),
            available: offers(&index),
        })?;
    let digest = entry
        .digest
        .parse()
        .map_err(|error| malformed("index", &error))?;
    let size = u64::try_from(entry.size).map_err(|error| malformed("index", &error))?;
    Ok(Chosen { digest, size })
}

fn matches(entry: &ImageIndexEntry, wanted: &Platform, exact: bool) -> bool {
    let Some(platform) = &entry.platform else {
        return false;
    };
    let variant_fits = match (&wanted.variant, &platform.variant) {
        (None, _) => true,
        (Some(wanted), Some(offered)) => wanted == offered,
        (Some(_), None) => !exact,
    };
    platform.os.to_string() == wanted.os
        && platform.architecture.to_string() == wanted.architecture
        && variant_fits
}

fn offers(index: &OciImageIndex) -> String {
    let mut offers: Vec<_> = index
        .manifests
        .iter()
        .filter_map(|entry| entry.platform.as_ref())
        .map(|platform| Platform {
            os: platform.os.to_string(),
            architecture: platform.architecture.to_string(),
            variant: platform.variant.clone(),
        })
        // Attestations are listed under this name.
        .filter(|platform| platform.os != "unknown")
        .map(|platform| describe(&platform))
        .collect();
    offers.dedup();
    if offers.is_empty() {
        "nothing for any platform".to_owned()
    } else {
        offers.join(", ")
    }
}

/// Refuses an image for another platform. What a config leaves out fits anything.
pub(crate) fn check_platform(offered: &Platform, wanted: &Platform) -> Result<(), StoreErrorKind> {
    if offered.serves(wanted) {
        return Ok(());
    }
    Err(StoreErrorKind::WrongPlatform {
        wanted: describe(wanted),
        available: describe(offered),
    })
}

fn describe(platform: &Platform) -> String {
    let Platform {
        os,
        architecture,
        variant,
    } = platform;
    match variant {
        Some(variant) => format!("{os}/{architecture}/{variant}"),
        None => format!("{os}/{architecture}"),
    }
}

fn malformed(document: &'static str, error: &dyn std::error::Error) -> StoreErrorKind {
    ImageError::Malformed {
        document,
        reason: error.to_string(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn platform(architecture: &str, variant: Option<&str>) -> Platform {
        Platform {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(ToOwned::to_owned),
        }
    }

    fn digest(letter: char) -> String {
        format!("sha256:{}", letter.to_string().repeat(64))
    }

    fn index() -> Vec<u8> {
        let entry = |letter, size, platform: serde_json::Value| json!({"mediaType": OCI_IMAGE_MEDIA_TYPE, "digest": digest(letter), "size": size, "platform": platform});
        let document = json!({"schemaVersion": 2, "manifests": [
            entry('a', 1, json!({"os": "linux", "architecture": "amd64"})),
            entry('b', 2, json!({"os": "linux", "architecture": "arm", "variant": "v6"})),
            entry('c', 3, json!({"os": "linux", "architecture": "arm", "variant": "v7"})),
            entry('d', 4, json!({"os": "linux", "architecture": "arm64"})),
            entry('e', 5, json!({"os": "unknown", "architecture": "unknown"})),
        ]});
        document.to_string().into_bytes()
    }

    #[test]
    fn chooses_by_platform_and_variant() {
        let chosen = |architecture, variant| {
            choose(&index(), &platform(architecture, variant))
                .map(|chosen| (chosen.digest.to_string(), chosen.size))
                .ok()
        };
        assert_eq!(chosen("amd64", None), Some((digest('a'), 1)));
        assert_eq!(chosen("arm", None), Some((digest('b'), 2)));
        assert_eq!(chosen("arm", Some("v7")), Some((digest('c'), 3)));
        assert_eq!(chosen("arm64", Some("v8")), Some((digest('d'), 4)));
        assert_eq!(chosen("arm", Some("v8")), None);
    }

    #[test]
    fn names_what_an_index_offers() {
        let error = choose(&index(), &platform("s390x", None)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no image for linux/s390x; it offers linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64"
        );
    }

    #[test]
    fn tells_images_from_indices() {
        let image = br#"{"schemaVersion":2,"config":{}}"#;
        assert_eq!(kind(image, None).unwrap(), Kind::Image);
        assert_eq!(kind(&index(), None).unwrap(), Kind::Index);
        let typed = format!(r#"{{"mediaType":"{IMAGE_MANIFEST_LIST_MEDIA_TYPE}"}}"#);
        assert_eq!(
            kind(typed.as_bytes(), Some(OCI_IMAGE_MEDIA_TYPE)).unwrap(),
            Kind::Index
        );
        assert!(kind(br#"{"mediaType":"text/html"}"#, None).is_err());
        assert!(kind(br#"{"schemaVersion":1}"#, None).is_err());
        assert!(kind(b"<html>", None).is_err());
    }

    #[test]
    fn a_config_without_platform_fits_anything() {
        let none = Platform {
            os: String::new(),
            architecture: String::new(),
            variant: None,
        };
        assert!(check_platform(&none, &platform("amd64", None)).is_ok());
        assert!(check_platform(&platform("arm64", None), &platform("arm64", Some("v8"))).is_ok());
        assert!(check_platform(&platform("arm64", None), &platform("amd64", None)).is_err());
    }
}
