//! The new run image, one image per platform.
use std::collections::BTreeMap;
use wharf_image::{Image, ImageError, ImageStore, Platform, StoreError, StoreErrorKind};
use wharf_spec::{digest::Digest, reference::Reference};

/// The new run image.
#[derive(Debug, Clone)]
pub struct NewBase {
    /// The name that was given.
    pub reference: Reference,
    /// What it stands for: of the manifest, or of the index.
    pub digest: Digest,
    /// One image per platform.
    pub images: Vec<Image>,
}

impl NewBase {
    /// Reads the run image with all its platforms. `None` when there is none.
    pub fn read(reference: &Reference, store: &dyn ImageStore) -> Result<Option<Self>, StoreError> {
        let fail = |error: ImageError| StoreError {
            action: "read run image",
            reference: reference.to_string(),
            kind: StoreErrorKind::Image(error),
        };
        let Some(stored) = store.read_manifest(reference)? else {
            return Ok(None);
        };
        let digest = stored.digest();
        let mut images = Vec::new();
        match stored.entries().map_err(fail)? {
            None => images.push(store.read_image(reference, stored)?),
            Some(entries) => {
                for entry in entries.iter().filter(|entry| entry.is_image()) {
                    let pinned = reference.with_digest(entry.descriptor.digest);
                    if let Some(manifest) = store.read_manifest(&pinned)? {
                        images.push(store.read_image(&pinned, manifest)?);
                    }
                }
            }
        }
        Ok(Some(Self {
            reference: reference.clone(),
            digest,
            images,
        }))
    }

    /// The image for `platform`: that of its variant, else the first that serves it.
    pub fn for_platform(&self, platform: &Platform) -> Option<&Image> {
        let serving = || {
            let images = self.images.iter();
            images.filter(|image| image.platform().serves(platform))
        };
        serving()
            .find(|image| image.platform() == *platform)
            .or_else(|| serving().next())
    }

    /// Bytes of every layer by digest.
    pub fn layers(&self) -> BTreeMap<Digest, u64> {
        let layers = self.images.iter().flat_map(Image::layers);
        layers
            .map(|layer| (layer.descriptor.digest, layer.descriptor.size))
            .collect()
    }
}
