//! Layout directories and registries as one store, so that a phase can read from one and write to another.
use crate::{
    location::{LayoutImage, Location},
    transfer::RemoteBlob,
};
use anyhow::Result;
use std::{io::Read, path::PathBuf, sync::Arc};
use wharf_image::{
    Access, Descriptor, DraftLayer, Family, Image, ImageStore, LayerSource, Platform, Referrer,
    SealedImage, StoreError, StoreErrorKind, Stored, Transfer, Written,
};
use wharf_layout::LayoutStore;
use wharf_spec::{digest::Digest, reference::Reference};

/// Directories by the repository that stands for them; everything else is in registries.
#[derive(Debug)]
pub(crate) struct MixedStore {
    layouts: Vec<(String, PathBuf, Arc<dyn ImageStore>)>,
    registry: Arc<dyn ImageStore>,
    into_layout: bool,
}

impl MixedStore {
    /// Images are written to a layout when `into_layout`, else to a registry.
    pub(crate) fn new(registry: Arc<dyn ImageStore>, into_layout: bool) -> Self {
        Self {
            layouts: Vec::new(),
            registry,
            into_layout,
        }
    }

    /// What `location` is called in this store.
    pub(crate) fn name(&mut self, location: &Location) -> Result<Reference> {
        match location {
            Location::Registry(reference) => Ok(reference.clone()),
            Location::Layout(image) => self.layout(image),
        }
    }

    fn layout(&mut self, image: &LayoutImage) -> Result<Reference> {
        let dir = std::path::absolute(&image.dir)?;
        let plain = image.reference()?;
        // Directories of one name may lie in different places.
        let mut name = plain.name();
        let mut number = 1;
        while let Some((_, known, _)) = self.layouts.iter().find(|(known, ..)| *known == name) {
            if *known == dir {
                return Ok(format!("{name}:{}", image.tag).parse()?);
            }
            number += 1;
            name = format!("{}-{number}", plain.name());
        }
        let store = Arc::new(LayoutStore::single(&image.dir));
        self.layouts.push((name.clone(), dir, store));
        Ok(format!("{name}:{}", image.tag).parse()?)
    }

    fn store(&self, reference: &Reference) -> &Arc<dyn ImageStore> {
        let name = reference.name();
        self.layouts
            .iter()
            .find(|(known, ..)| *known == name)
            .map_or(&self.registry, |(_, _, store)| store)
    }

    fn is_layout(&self, reference: &Reference) -> bool {
        !Arc::ptr_eq(self.store(reference), &self.registry)
    }

    fn is_one(&self, one: &Reference, other: &Reference) -> bool {
        Arc::ptr_eq(self.store(one), self.store(other))
    }
}

impl ImageStore for MixedStore {
    fn find(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Image>, StoreError> {
        self.store(reference).find(reference, platform)
    }

    fn read_manifest(&self, reference: &Reference) -> Result<Option<Stored>, StoreError> {
        self.store(reference).read_manifest(reference)
    }

    fn resolve(&self, reference: &Reference) -> Result<Option<Digest>, StoreError> {
        self.store(reference).resolve(reference)
    }

    fn read_image(&self, reference: &Reference, manifest: Stored) -> Result<Image, StoreError> {
        self.store(reference).read_image(reference, manifest)
    }

    fn write_manifest(&self, manifest: &Stored, tags: &[Reference]) -> Result<(), StoreError> {
        tags.iter().try_for_each(|tag| {
            self.store(tag)
                .write_manifest(manifest, std::slice::from_ref(tag))
        })
    }

    fn referrers(
        &self,
        reference: &Reference,
        digest: Digest,
    ) -> Result<Vec<Referrer>, StoreError> {
        self.store(reference).referrers(reference, digest)
    }

    fn open_blob(
        &self,
        from: &Reference,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        self.store(from).open_blob(from, blob)
    }

    fn announce(&self, to: &Reference, from: &Reference) {
        if self.is_one(from, to) || !self.is_layout(from) {
            self.store(to).announce(to, from);
        }
    }

    fn check_access(&self, reference: &Reference, access: Access) -> Result<(), StoreError> {
        self.store(reference).check_access(reference, access)
    }

    fn is_shared(&self, from: &Reference, to: &Reference) -> bool {
        self.is_one(from, to) && self.store(to).is_shared(from, to)
    }

    fn put_layer(&self, to: &Reference, layer: &DraftLayer) -> Result<Transfer, StoreError> {
        let layer = match &layer.source {
            LayerSource::Repository(from) if !self.is_one(from, to) => DraftLayer {
                source: LayerSource::Bytes(Arc::new(RemoteBlob {
                    store: Arc::clone(self.store(from)),
                    reference: from.clone(),
                    descriptor: layer.descriptor.clone(),
                })),
                ..layer.clone()
            },
            _ => layer.clone(),
        };
        self.store(to).put_layer(to, &layer)
    }

    fn put_config(&self, to: &Reference, image: &SealedImage) -> Result<(), StoreError> {
        self.store(to).put_config(to, image)
    }

    fn put_image(&self, image: &SealedImage, tags: &[Reference]) -> Result<Written, StoreError> {
        let first = tags.first().ok_or_else(|| StoreError {
            action: "write image",
            reference: String::new(),
            kind: StoreErrorKind::Unsupported("an image needs a tag".into()),
        })?;
        let (near, far): (Vec<_>, Vec<_>) = tags
            .iter()
            .cloned()
            .partition(|tag| self.is_one(first, tag));
        let mut written = self.store(first).put_image(image, &near)?;
        for tag in far {
            for layer in &image.layers {
                let source = LayerSource::Repository(first.clone());
                let layer = DraftLayer {
                    source,
                    ..layer.clone()
                };
                self.put_layer(&tag, &layer)?;
            }
            self.store(&tag)
                .put_image(image, std::slice::from_ref(&tag))?;
        }
        written.tags = tags.to_vec();
        Ok(written)
    }

    fn family(&self, family: Family) -> Family {
        if self.into_layout {
            Family::Oci
        } else {
            family
        }
    }

    /// Where a directory is on this machine is nobody's business.
    fn identify(&self, reference: &Reference, image: &Image) -> String {
        reference.with_digest(image.digest()).to_string()
    }

    fn delete(&self, reference: &Reference, digest: Digest) -> Result<(), StoreError> {
        self.store(reference).delete(reference, digest)
    }
}
