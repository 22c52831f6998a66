//! Which image of an index serves a platform.
use crate::directory::Directory;
use wharf_image::{
    Image, Platform, StoreErrorKind,
    image::{MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES},
    index::{self, IndexEntry},
};
use wharf_spec::digest::Digest;

/// The most entries looked at in an index and the indexes within it.
const MAX_ENTRIES: usize = 1000;

impl Directory {
    /// The image for `wanted` among `entries`.
    pub(crate) fn select(
        &self,
        entries: Vec<IndexEntry>,
        wanted: &Platform,
    ) -> Result<Image, StoreErrorKind> {
        let mut images = Vec::new();
        self.flatten(entries, 0, &mut 0, &mut images)?;
        if let Some(entry) = index::select(&images, wanted)
            && entry.platform.is_some()
        {
            return self.load(entry.descriptor.digest, Some(entry.descriptor.size), wanted);
        }
        let mut available = Vec::new();
        for entry in &images {
            if let Some(platform) = &entry.platform {
                available.push(platform.to_string());
                continue;
            }
            match self.load(entry.descriptor.digest, Some(entry.descriptor.size), wanted) {
                Err(StoreErrorKind::WrongPlatform { available: own, .. }) => available.push(own),
                found => return found,
            }
        }
        Err(wrong_platform(wanted, &available))
    }

    /// The image or the index with `digest`, of which the image for `wanted`; `None` when it is not here.
    pub(crate) fn find_by_digest(
        &self,
        digest: Digest,
        wanted: &Platform,
    ) -> Result<Option<Image>, StoreErrorKind> {
        let Some(bytes) = self.read_document("manifest", digest, None, MAX_MANIFEST_BYTES)? else {
            return Ok(None);
        };
        if index::is_index(&bytes)? {
            return self.select(index::parse(&bytes)?, wanted).map(Some);
        }
        self.load(digest, None, wanted).map(Some)
    }

    /// The images of an index, those of inner indexes in their place.
    fn flatten(
        &self,
        entries: Vec<IndexEntry>,
        depth: usize,
        visited: &mut usize,
        images: &mut Vec<IndexEntry>,
    ) -> Result<(), StoreErrorKind> {
        for entry in entries {
            *visited += 1;
            if *visited > MAX_ENTRIES {
                let text = format!("its index has more than {MAX_ENTRIES} entries");
                return Err(StoreErrorKind::Unsupported(text));
            }
            if entry.is_image() {
                images.push(entry);
            } else if entry.is_index() {
                let (digest, size) = (entry.descriptor.digest, entry.descriptor.size);
                let inner = self
                    .read_document("index", digest, Some(size), MAX_MANIFEST_BYTES)?
                    .ok_or(StoreErrorKind::NotFound)?;
                if depth == index::MAX_DEPTH {
                    let text = "indexes are nested too deeply".to_owned();
                    return Err(StoreErrorKind::Unsupported(text));
                }
                self.flatten(index::parse(&inner)?, depth + 1, visited, images)?;
            }
        }
        Ok(())
    }

    fn load(
        &self,
        digest: Digest,
        size: Option<u64>,
        wanted: &Platform,
    ) -> Result<Image, StoreErrorKind> {
        let manifest = self
            .read_document("manifest", digest, size, MAX_MANIFEST_BYTES)?
            .ok_or(StoreErrorKind::NotFound)?;
        let config = Image::config_descriptor(&manifest)?;
        let config = self
            .read_document("config", config.digest, Some(config.size), MAX_CONFIG_BYTES)?
            .ok_or(StoreErrorKind::NotFound)?;
        let image = Image::parse(manifest, config)?;
        if image.platform().serves(wanted) {
            Ok(image)
        } else {
            Err(wrong_platform(wanted, &[image.platform().to_string()]))
        }
    }
}

fn wrong_platform(wanted: &Platform, available: &[String]) -> StoreErrorKind {
    StoreErrorKind::WrongPlatform {
        wanted: wanted.to_string(),
        available: if available.is_empty() {
            "no images".to_owned()
        } else {
            available.join(", ")
        },
    }
}
