//! Layers and images into layout directories.
use crate::{
    directory::{Directory, REF_NAME, io_error},
    place::Place,
    store::{LayoutStore, verified},
    write,
};
use serde_json::{Map, Value, json};
use std::{
    fs::{self, File},
    path::Path,
};
use wharf_image::{
    Descriptor, DraftLayer, Image, LayerSource, Platform, SealedImage, StoreErrorKind, Stored,
    Transfer, Written, image::digest_of,
};
use wharf_spec::reference::Reference;

impl LayoutStore {
    pub(crate) fn put_layer_here(
        &self,
        to: &Reference,
        layer: &DraftLayer,
    ) -> Result<Transfer, StoreErrorKind> {
        let own = self.own(to);
        let blob = &layer.descriptor;
        if own.has_blob(blob) {
            return Ok(Transfer::Existing);
        }
        if let Some(near) = self.all(to).find(|directory| directory.has_blob(blob)) {
            own.prepare()?;
            bring(&near, &own, blob)?;
            return Ok(Transfer::Existing);
        }
        match &layer.source {
            LayerSource::Repository(from) => {
                if let Some(other) = self.all(from).find(|directory| directory.has_blob(blob)) {
                    own.prepare()?;
                    bring(&other, &own, blob)?;
                    return Ok(Transfer::Mounted);
                }
                if self.is_sparse(from, blob) {
                    return Ok(Transfer::Existing);
                }
                Err(StoreErrorKind::NotFound)
            }
            LayerSource::Bytes(source) => {
                own.prepare()?;
                let path = own.blob_path(blob.digest);
                let written = match source.link(&path) {
                    Ok(true) => Ok(()),
                    _ => source
                        .open()
                        .and_then(|bytes| write::blob(&path, verified(bytes, blob))),
                };
                written.map_err(|source| io_error("write", &path, source))?;
                Ok(Transfer::Uploaded)
            }
        }
    }

    /// Whether an image of the repository has the layer without its bytes being there.
    fn is_sparse(&self, from: &Reference, blob: &Descriptor) -> bool {
        let any = Platform {
            os: String::new(),
            architecture: String::new(),
            variant: None,
        };
        let has = |image: Image| {
            let mut layers = image.layers().iter();
            layers.any(|layer| layer.descriptor.digest == blob.digest)
        };
        let image_has = |directory: &Directory, digest| {
            let image = directory.find_by_digest(digest, &any).ok().flatten();
            image.is_some_and(has)
        };
        self.all(from).any(|directory| {
            let entries = directory.entries().ok().flatten().unwrap_or_default();
            let digests = entries.iter().map(|entry| entry.descriptor.digest);
            digests
                .chain(from.digest())
                .any(|digest| image_has(&directory, digest))
        })
    }

    pub(crate) fn put_image_here(
        &self,
        image: &SealedImage,
        tags: &[Reference],
    ) -> Result<Written, StoreErrorKind> {
        let first = tags
            .first()
            .ok_or_else(|| StoreErrorKind::Unsupported("an image needs a tag".into()))?;
        if tags.iter().any(|tag| tag.registry() != first.registry()) {
            return Err(StoreErrorKind::MultipleRegistries);
        }
        let source = self.own(first);
        for layer in &image.layers {
            if !source.has_blob(&layer.descriptor) && !self.may_be_missing(layer) {
                let digest = layer.descriptor.digest;
                let text = format!("its layer {digest} is not there; put it first");
                return Err(StoreErrorKind::Unsupported(text));
            }
        }
        let (manifest, config) = (image.image.manifest_bytes(), image.image.config_bytes());
        for tag in tags {
            let own = self.own(tag);
            own.prepare()?;
            for layer in &image.layers {
                if source.has_blob(&layer.descriptor) && !own.has_blob(&layer.descriptor) {
                    bring(&source, &own, &layer.descriptor)?;
                }
            }
            for document in [config, manifest] {
                let path = own.blob_path(digest_of(document));
                write::blob(&path, document).map_err(|source| io_error("write", &path, source))?;
            }
        }
        let stored = Stored::of_image(&image.image);
        for tag in tags {
            self.set_tag(&stored, tag)?;
        }
        Ok(Written {
            digest: image.image.digest(),
            manifest_size: manifest.len() as u64,
            tags: tags.to_vec(),
        })
    }

    fn may_be_missing(&self, layer: &DraftLayer) -> bool {
        match &layer.source {
            LayerSource::Repository(from) => self.is_sparse(from, &layer.descriptor),
            LayerSource::Bytes(_) => false,
        }
    }

    pub(crate) fn write_manifest_here(
        &self,
        manifest: &Stored,
        tags: &[Reference],
    ) -> Result<(), StoreErrorKind> {
        for tag in tags {
            let own = self.own(tag);
            own.prepare()?;
            let path = own.blob_path(manifest.digest());
            write::blob(&path, manifest.bytes.as_slice())
                .map_err(|source| io_error("write", &path, source))?;
        }
        for tag in tags {
            self.set_tag(manifest, tag)?;
        }
        Ok(())
    }

    fn set_tag(&self, manifest: &Stored, tag: &Reference) -> Result<(), StoreErrorKind> {
        // What has no tag is found by its digest, and would make an entry that names nothing.
        if tag.tag().is_none() && matches!(self.place, Place::Single(_)) {
            return Ok(());
        }
        let mut descriptor = Descriptor {
            media_type: manifest.media_type.clone(),
            digest: manifest.digest(),
            size: manifest.bytes.len() as u64,
            rest: Map::new(),
        };
        if let Some(name) = tag.tag() {
            let annotations = json!({ REF_NAME: name });
            descriptor.rest.insert("annotations".into(), annotations);
        }
        let entry = descriptor.to_json();
        let single = matches!(self.place, Place::Single(_));
        self.own(tag).update_index(&mut |entries| {
            // A directory of a tree is one image for every reader, the reference lifecycle's included.
            entries.retain(|old| single && ref_name(old) != ref_name(&entry));
            entries.push(entry.clone());
        })
    }
}

/// Brings a blob from one directory into another: a second name for the file, or a copy.
fn bring(from: &Directory, to: &Directory, blob: &Descriptor) -> Result<(), StoreErrorKind> {
    let (source, target) = (from.blob_path(blob.digest), to.blob_path(blob.digest));
    let fail = |action, path: &Path| {
        let path = path.to_owned();
        move |source| io_error(action, &path, source)
    };
    // A file of another size under this name is a leftover; a link would keep it.
    if target.exists() && !to.has_blob(blob) {
        fs::remove_file(&target).map_err(fail("remove", &target))?;
    }
    if write::link(&source, &target).map_err(fail("link", &target))? {
        return Ok(());
    }
    let file = File::open(&source).map_err(fail("open", &source))?;
    write::blob(&target, verified(file, blob)).map_err(fail("write", &target))
}

fn ref_name(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REF_NAME)?.as_str()
}
