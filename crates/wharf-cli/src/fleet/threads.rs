//! A store for each thread: of many small requests most of the time goes into waking other threads.
use std::{
    collections::HashMap,
    fmt,
    io::Read,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, ThreadId},
};
use wharf_image::{
    Access, Descriptor, DraftLayer, Image, ImageStore, Platform, Referrer, SealedImage, StoreError,
    Stored, Transfer, Written,
};
use wharf_registry::{RegistryOptions, RegistryStore};
use wharf_spec::{digest::Digest, reference::Reference};

/// Registries, with connections of its own for each thread that calls.
pub(crate) struct PerThread {
    /// For what is read while others call, and where no other store can be made.
    shared: Arc<RegistryStore>,
    options: RegistryOptions,
    stores: Mutex<HashMap<ThreadId, Arc<RegistryStore>>>,
}

impl PerThread {
    pub(crate) fn new(shared: Arc<RegistryStore>, options: RegistryOptions) -> Self {
        Self {
            shared,
            options: RegistryOptions {
                on_caller: true,
                ..options
            },
            stores: Mutex::default(),
        }
    }

    fn own(&self) -> Arc<RegistryStore> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let store = stores.entry(thread::current().id()).or_insert_with(|| {
            RegistryStore::new(self.options.clone())
                .map_or_else(|_| Arc::clone(&self.shared), Arc::new)
        });
        Arc::clone(store)
    }
}

impl fmt::Debug for PerThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerThread").finish_non_exhaustive()
    }
}

impl ImageStore for PerThread {
    fn find(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Image>, StoreError> {
        self.own().find(reference, platform)
    }

    fn read_manifest(&self, reference: &Reference) -> Result<Option<Stored>, StoreError> {
        self.own().read_manifest(reference)
    }

    fn read_image(&self, reference: &Reference, manifest: Stored) -> Result<Image, StoreError> {
        self.own().read_image(reference, manifest)
    }

    fn write_manifest(&self, manifest: &Stored, tags: &[Reference]) -> Result<(), StoreError> {
        self.own().write_manifest(manifest, tags)
    }

    fn referrers(
        &self,
        reference: &Reference,
        digest: Digest,
    ) -> Result<Vec<Referrer>, StoreError> {
        self.own().referrers(reference, digest)
    }

    fn open_blob(
        &self,
        from: &Reference,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        self.shared.open_blob(from, blob)
    }

    fn has_blob(&self, at: &Reference, digest: Digest) -> Result<bool, StoreError> {
        self.own().has_blob(at, digest)
    }

    fn announce(&self, to: &Reference, from: &Reference) {
        self.own().announce(to, from);
    }

    fn check_access(&self, reference: &Reference, access: Access) -> Result<(), StoreError> {
        self.own().check_access(reference, access)
    }

    fn is_shared(&self, from: &Reference, to: &Reference) -> bool {
        self.shared.is_shared(from, to)
    }

    fn put_layer(&self, to: &Reference, layer: &DraftLayer) -> Result<Transfer, StoreError> {
        self.own().put_layer(to, layer)
    }

    fn put_config(&self, to: &Reference, image: &SealedImage) -> Result<(), StoreError> {
        self.own().put_config(to, image)
    }

    fn put_image(&self, image: &SealedImage, tags: &[Reference]) -> Result<Written, StoreError> {
        self.own().put_image(image, tags)
    }

    fn identify(&self, reference: &Reference, image: &Image) -> String {
        self.shared.identify(reference, image)
    }

    fn delete(&self, reference: &Reference, digest: Digest) -> Result<(), StoreError> {
        self.own().delete(reference, digest)
    }
}
