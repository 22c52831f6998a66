//! Where images live.
use crate::{
    descriptor::Descriptor,
    draft::{DraftLayer, SealedImage},
    family::Family,
    image::Image,
    platform::Platform,
    store_error::{StoreError, StoreErrorKind},
    stored::{Referrer, Stored},
};
use std::{fmt, io::Read};
use wharf_spec::{
    digest::Digest,
    reference::{Reference, ReferenceError},
};

/// A kind of access to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Manifests and blobs can be read; a missing image is fine.
    Read,
    /// Blobs and manifests can be written.
    Write,
}

/// How a blob came to be in its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// It was there.
    Existing,
    /// The store linked it from another repository; no bytes moved.
    Mounted,
    /// Bytes were sent.
    Uploaded,
}

/// What writing an image came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Digest of the manifest.
    pub digest: Digest,
    /// Bytes of the manifest.
    pub manifest_size: u64,
    /// Tags written.
    pub tags: Vec<Reference>,
}

/// A place for images. Implementations are cheap to share; every method may be called from several threads.
pub trait ImageStore: fmt::Debug + Send + Sync {
    /// The image at `reference`, chosen by `platform` when there are several. `None` when there is no such image.
    fn find(&self, reference: &Reference, platform: &Platform)
    -> Result<Option<Image>, StoreError>;

    /// The manifest or index at `reference` as it is kept; nothing that it names is read. `None` when there is none.
    fn read_manifest(&self, reference: &Reference) -> Result<Option<Stored>, StoreError>;

    /// The digest of the manifest or index at `reference`, without its bytes where the store can. `None` when there is
    /// none.
    fn resolve(&self, reference: &Reference) -> Result<Option<Digest>, StoreError> {
        Ok(self.read_manifest(reference)?.map(|stored| stored.digest()))
    }

    /// The image whose manifest was [read](Self::read_manifest) in the repository of `reference`.
    fn read_image(&self, reference: &Reference, manifest: Stored) -> Result<Image, StoreError> {
        manifest.image(reference, &|config| self.open_blob(reference, config))
    }

    /// Writes a manifest or index to every one of `tags`; a reference with a digest gets no tag. All that it names must
    /// be in their repositories.
    fn write_manifest(&self, manifest: &Stored, tags: &[Reference]) -> Result<(), StoreError>;

    /// What names the image `digest` in the repository of `reference` as its subject. A store that does not keep track
    /// knows of none.
    fn referrers(
        &self,
        reference: &Reference,
        digest: Digest,
    ) -> Result<Vec<Referrer>, StoreError> {
        let _ = (reference, digest);
        Ok(Vec::new())
    }

    /// The bytes of a blob in the repository of `from`; reading them to the end verifies digest and size.
    fn open_blob(
        &self,
        from: &Reference,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError>;

    /// Whether a blob is in the repository of `at`. Where only reading would tell, the answer is no.
    fn has_blob(&self, _at: &Reference, _digest: Digest) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Says that images will be written to `to` with parts of `from`, so that a store may ask for all rights at once.
    /// What goes wrong shows when it matters.
    fn announce(&self, to: &Reference, from: &Reference) {
        let _ = (to, from);
    }

    /// Whether the caller has `access` to the repository of `reference`.
    fn check_access(&self, reference: &Reference, access: Access) -> Result<(), StoreError>;

    /// Whether layers of an image found at `from` are in the repository of `to` for certain, so that
    /// [`put_layer`](Self::put_layer) would find each of them there.
    fn is_shared(&self, from: &Reference, to: &Reference) -> bool {
        let _ = (from, to);
        false
    }

    /// Makes sure the layer's bytes are in the repository of `to`.
    fn put_layer(&self, to: &Reference, layer: &DraftLayer) -> Result<Transfer, StoreError>;

    /// Brings the config to the repository of `to` ahead of [`put_image`](Self::put_image), where that saves time.
    fn put_config(&self, to: &Reference, image: &SealedImage) -> Result<(), StoreError> {
        let _ = (to, image);
        Ok(())
    }

    /// Writes config and manifest, then each tag. All layers must have been put to the first of `tags`; where others
    /// are in another repository, the store links them there. References must be in one registry.
    fn put_image(&self, image: &SealedImage, tags: &[Reference]) -> Result<Written, StoreError>;

    /// The family in which an image based on one of `family` is written here. Programs that read layout directories know
    /// OCI media types only; a registry takes both.
    fn family(&self, family: Family) -> Family {
        family
    }

    /// How handoff files name `image` found at `reference`: a digest reference, or a path with digest in a layout.
    fn identify(&self, reference: &Reference, image: &Image) -> String;

    /// The reference that [`identify`](Self::identify) turned into `identifier`; a layout takes its paths back to
    /// references, a registry parses what handoff files hold.
    fn locate(&self, identifier: &str) -> Result<Reference, StoreError> {
        identifier
            .parse()
            .map_err(|error: ReferenceError| StoreError {
                action: "understand reference",
                reference: identifier.to_owned(),
                kind: StoreErrorKind::Unsupported(error.to_string()),
            })
    }

    /// Removes the image with `digest` from the repository of `reference`; already gone is fine.
    fn delete(&self, reference: &Reference, digest: Digest) -> Result<(), StoreError>;
}
