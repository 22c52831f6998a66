//! An image being made. Edits change what they name; media types, annotations and unknown members are kept.
use crate::{
    descriptor::Descriptor,
    image::{Family, Image, ImageError, Platform},
};
use serde_json::{Map, Value};
use std::sync::Arc;
use wharf_layer::{Blob, BlobSource};
use wharf_spec::{digest::Digest, reference::Reference};

/// Where the bytes of a draft's layer are.
#[derive(Debug, Clone)]
pub enum LayerSource {
    /// In a repository of the same store; the store mounts or copies it where it is missing.
    Repository(Reference),
    /// At hand.
    Bytes(Arc<dyn BlobSource>),
}

/// A layer of a draft.
#[derive(Debug, Clone)]
pub struct DraftLayer {
    /// Descriptor of the compressed bytes; its media type is written in the draft's family.
    pub descriptor: Descriptor,
    /// Diff ID.
    pub diff_id: Digest,
    /// `created_by` of the history entry; `None` leaves the entry blank.
    pub created_by: Option<String>,
    /// Where the bytes are.
    pub source: LayerSource,
}

impl DraftLayer {
    /// A new layer with the bytes at hand, in the given family.
    pub fn from_blob(blob: Blob, family: Family, created_by: Option<String>) -> Self {
        let descriptor = Descriptor {
            media_type: family.layer(blob.compression).to_owned(),
            digest: blob.digest,
            size: blob.size,
            rest: Map::new(),
        };
        Self {
            descriptor,
            diff_id: blob.diff_id,
            created_by,
            source: LayerSource::Bytes(Arc::new(blob)),
        }
    }
}

/// The image being made.
#[derive(Debug, Clone)]
pub struct ImageDraft {
    family: Family,
    manifest: Map<String, Value>,
    config: Map<String, Value>,
    layers: Vec<DraftLayer>,
}

impl ImageDraft {
    /// Starts from `base` in `repository`: its layers (with their history when `keep_history`), config, annotations
    /// and family. `created` (RFC 3339) becomes the time of image and history; entries of empty layers are dropped.
    pub fn from_base(
        base: &Image,
        repository: &Reference,
        created: &str,
        keep_history: bool,
    ) -> Self {
        let _ = (base, repository, created, keep_history);
        todo!()
    }

    /// Starts from nothing, for cache and builder images.
    pub fn empty(platform: &Platform, family: Family, created: &str) -> Self {
        let _ = (platform, family, created);
        todo!()
    }

    /// `app` with the layers up to and including diff ID `old_top` replaced by those of `new_base` (in
    /// `new_base_repository`). `None` when `app` has no such layer. History keeps one entry per layer; config, labels,
    /// annotations and family of `app` stay.
    pub fn rebase(
        app: &Image,
        app_repository: &Reference,
        old_top: Digest,
        new_base: &Image,
        new_base_repository: &Reference,
    ) -> Option<Self> {
        let _ = (app, app_repository, old_top, new_base, new_base_repository);
        todo!()
    }

    /// Family of the image being made.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Layers, lowest first.
    pub fn layers(&self) -> &[DraftLayer] {
        &self.layers
    }

    /// Appends a layer.
    pub fn push_layer(&mut self, layer: DraftLayer) {
        self.layers.push(layer);
    }

    /// Sets a label.
    pub fn set_label(&mut self, name: &str, value: &str) {
        let _ = (name, value, &mut self.config);
        todo!()
    }

    /// Removes a label.
    pub fn remove_label(&mut self, name: &str) {
        let _ = name;
        todo!()
    }

    /// The value of an environment variable.
    pub fn env(&self, name: &str) -> Option<&str> {
        let _ = name;
        todo!()
    }

    /// Sets an environment variable: in place when it exists, else at the end.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let _ = (name, value);
        todo!()
    }

    /// Sets the entrypoint and removes the default command.
    pub fn set_entrypoint(&mut self, entrypoint: &[String]) {
        let _ = entrypoint;
        todo!()
    }

    /// Sets the working directory.
    pub fn set_working_dir(&mut self, dir: &str) {
        let _ = dir;
        todo!()
    }

    /// Sets what the image runs on; without a variant none is left.
    pub fn set_platform(&mut self, platform: &Platform) {
        let mut set = |name: &str, value: Option<&str>| match value {
            Some(value) => drop(self.config.insert(name.to_owned(), value.into())),
            None => drop(self.config.shift_remove(name)),
        };
        set("os", Some(&platform.os));
        set("architecture", Some(&platform.architecture));
        set("variant", platform.variant.as_deref());
    }

    /// Sets `User`.
    pub fn set_user(&mut self, user: &str) {
        let _ = user;
        todo!()
    }

    /// Sets a manifest annotation.
    pub fn set_annotation(&mut self, name: &str, value: &str) {
        let _ = (name, value, &mut self.manifest);
        todo!()
    }

    /// Fixes the bytes. Members of every document are in one canonical order, so equal drafts have equal digests.
    pub fn seal(self) -> Result<SealedImage, ImageError> {
        todo!()
    }
}

/// An image whose bytes are fixed.
#[derive(Debug, Clone)]
pub struct SealedImage {
    /// The image.
    pub image: Image,
    /// Its layers with their sources, lowest first.
    pub layers: Vec<DraftLayer>,
}
