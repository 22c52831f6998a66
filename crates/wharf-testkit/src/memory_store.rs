//! A strict image store in memory.
use crate::image_recipe::digest;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, Read},
    sync::{Mutex, MutexGuard, PoisonError},
};
use wharf_image::{
    Access, Descriptor, DraftLayer, Family, Image, ImageStore, LayerSource, Platform, Referrer,
    SealedImage, StoreError, StoreErrorKind, Stored, Transfer, Written, index,
};
use wharf_layer::{VerifyingReader, blob::decompress};
use wharf_spec::{digest::Digest, reference::Reference};

/// An [`ImageStore`] that is stricter than a registry: it refuses images whose layers are missing, layers whose bytes
/// or diff IDs are not what was promised, and tags named twice. It counts what is done to it.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

/// How often each thing was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Images looked for.
    pub finds: usize,
    /// Blobs opened.
    pub blob_reads: usize,
    /// Layers whose bytes were sent.
    pub uploads: usize,
    /// Layers linked from another repository.
    pub mounts: usize,
    /// Layers that were there.
    pub existing: usize,
    /// Images written.
    pub image_writes: usize,
    /// Images deleted.
    pub deletes: usize,
    /// Rights asked for.
    pub access_checks: usize,
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    denied: Vec<(String, Access)>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Repository {
    blobs: BTreeMap<Digest, Vec<u8>>,
    manifests: BTreeMap<Digest, Vec<u8>>,
    tags: BTreeMap<String, Digest>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Starts counting anew.
    pub fn reset_counts(&self) {
        self.state().counts = Counts::default();
    }

    /// Refuses `access` to the repository of `reference` from now on.
    pub fn deny(&self, reference: &Reference, access: Access) {
        self.state().denied.push((reference.name(), access));
    }

    /// Replaces the bytes of a blob without telling anybody.
    pub fn corrupt_blob(&self, reference: &Reference, blob: Digest, bytes: Vec<u8>) {
        self.state().repository(reference).blobs.insert(blob, bytes);
    }

    /// Forgets a blob.
    pub fn remove_blob(&self, reference: &Reference, blob: Digest) {
        self.state().repository(reference).blobs.remove(&blob);
    }

    /// Writes any manifest or index under the tag of `reference`, unchecked, and returns its digest.
    pub fn put_manifest(&self, reference: &Reference, bytes: Vec<u8>) -> Digest {
        let digest = digest(&bytes);
        let mut state = self.state();
        let repository = state.repository(reference);
        repository.manifests.insert(digest, bytes);
        if let Some(tag) = reference.tag() {
            repository.tags.insert(tag.to_owned(), digest);
        }
        digest
    }

    /// Digests of the blobs in a repository.
    pub fn blobs(&self, reference: &Reference) -> BTreeSet<Digest> {
        self.state()
            .repository(reference)
            .blobs
            .keys()
            .copied()
            .collect()
    }

    /// Tags of a repository with the digests they stand for.
    pub fn tags(&self, reference: &Reference) -> BTreeMap<String, Digest> {
        self.state().repository(reference).tags.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(
        &self,
        reference: &Reference,
        access: Access,
        action: &'static str,
    ) -> Result<(), StoreError> {
        let denied = (reference.name(), access);
        if self.state().denied.contains(&denied) {
            let detail = format!("{access:?}");
            return Err(failure(
                action,
                reference,
                StoreErrorKind::Denied { detail },
            ));
        }
        Ok(())
    }

    fn blob(&self, from: &Reference, blob: Digest) -> Option<Vec<u8>> {
        self.state().repository(from).blobs.get(&blob).cloned()
    }
}

impl State {
    fn repository(&mut self, reference: &Reference) -> &mut Repository {
        self.repositories.entry(reference.name()).or_default()
    }
}

impl Repository {
    fn manifest(&self, reference: &Reference) -> Option<Vec<u8>> {
        let digest = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest,
            (None, tag) => *self.tags.get(tag?)?,
        };
        self.manifests.get(&digest).cloned()
    }
}

impl ImageStore for MemoryStore {
    fn find(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Image>, StoreError> {
        const ACTION: &str = "read manifest of";
        self.state().counts.finds += 1;
        self.check(reference, Access::Read, ACTION)?;
        let fail = |kind| failure(ACTION, reference, kind);
        let wrong = |available: String| {
            let wanted = platform.to_string();
            fail(StoreErrorKind::WrongPlatform { wanted, available })
        };
        let mut state = self.state();
        let repository = state.repository(reference);
        let Some(mut manifest) = repository.manifest(reference) else {
            return Ok(None);
        };
        if index::is_index(&manifest).map_err(|error| fail(error.into()))? {
            let entries = index::parse(&manifest).map_err(|error| fail(error.into()))?;
            let entry = index::select(&entries, platform);
            let entry = entry.ok_or_else(|| wrong(index::offered(&entries)))?;
            let chosen = repository.manifests.get(&entry.descriptor.digest).cloned();
            manifest = chosen.ok_or_else(|| fail(StoreErrorKind::NotFound))?;
        }
        let config = Image::config_descriptor(&manifest).map_err(|error| fail(error.into()))?;
        let config = repository.blobs.get(&config.digest).cloned();
        let config = config.ok_or_else(|| fail(StoreErrorKind::NotFound))?;
        let image = Image::parse(manifest, config).map_err(|error| fail(error.into()))?;
        if !image.platform().serves(platform) {
            return Err(wrong(image.platform().to_string()));
        }
        Ok(Some(image))
    }

    fn read_manifest(&self, reference: &Reference) -> Result<Option<Stored>, StoreError> {
        self.state().counts.finds += 1;
        self.check(reference, Access::Read, "read manifest of")?;
        let bytes = self.state().repository(reference).manifest(reference);
        Ok(bytes.map(|bytes| Stored::new(bytes, Family::Oci.manifest())))
    }

    fn read_image(&self, reference: &Reference, manifest: Stored) -> Result<Image, StoreError> {
        let fail = |kind| failure("read config of", reference, kind);
        let config = Image::config_descriptor(&manifest.bytes);
        let config = config.map_err(|error| fail(error.into()))?;
        let config = self.blob(reference, config.digest);
        let config = config.ok_or_else(|| fail(StoreErrorKind::NotFound))?;
        Image::parse(manifest.bytes, config).map_err(|error| fail(error.into()))
    }

    fn write_manifest(&self, manifest: &Stored, tags: &[Reference]) -> Result<(), StoreError> {
        for tag in tags {
            self.check(tag, Access::Write, "write image to")?;
            let entries = manifest.entries();
            let entries = entries.map_err(|error| failure("write image to", tag, error.into()))?;
            let mut state = self.state();
            let repository = state.repository(tag);
            let missing = entries
                .iter()
                .flatten()
                .find(|entry| !repository.manifests.contains_key(&entry.descriptor.digest));
            if let Some(entry) = missing {
                let text = format!("manifest {} is not there", entry.descriptor.digest);
                return Err(failure(
                    "write image to",
                    tag,
                    StoreErrorKind::Unsupported(text),
                ));
            }
            repository
                .manifests
                .insert(manifest.digest(), manifest.bytes.clone());
            if let Some(name) = tag.tag() {
                repository.tags.insert(name.to_owned(), manifest.digest());
            }
            state.counts.image_writes += 1;
        }
        Ok(())
    }

    fn referrers(
        &self,
        reference: &Reference,
        digest: Digest,
    ) -> Result<Vec<Referrer>, StoreError> {
        let mut state = self.state();
        let manifests = &state.repository(reference).manifests;
        let named = digest.to_string();
        let members = |bytes: &Vec<u8>| serde_json::from_slice::<Value>(bytes).ok();
        let refers = |bytes: &Vec<u8>| {
            let manifest = members(bytes)?;
            let is_subject = manifest["subject"]["digest"] == named.as_str();
            let artifact_type = manifest["artifactType"].as_str().unwrap_or_default();
            is_subject.then(|| artifact_type.to_owned())
        };
        let referrers = manifests.iter().filter_map(|(digest, bytes)| {
            Some(Referrer {
                digest: *digest,
                artifact_type: refers(bytes)?,
            })
        });
        Ok(referrers.collect())
    }

    fn open_blob(
        &self,
        from: &Reference,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        const ACTION: &str = "read blob of";
        self.state().counts.blob_reads += 1;
        self.check(from, Access::Read, ACTION)?;
        let bytes = self.blob(from, blob.digest);
        let bytes = bytes.ok_or_else(|| failure(ACTION, from, StoreErrorKind::NotFound))?;
        let reader = VerifyingReader::new(Cursor::new(bytes), blob.digest, Some(blob.size));
        Ok(Box::new(reader))
    }

    fn has_blob(&self, at: &Reference, digest: Digest) -> Result<bool, StoreError> {
        let state = self.state();
        let repository = state.repositories.get(&at.name());
        Ok(repository.is_some_and(|repository| repository.blobs.contains_key(&digest)))
    }

    fn check_access(&self, reference: &Reference, access: Access) -> Result<(), StoreError> {
        self.state().counts.access_checks += 1;
        self.check(reference, access, "access")
    }

    fn put_layer(&self, to: &Reference, layer: &DraftLayer) -> Result<Transfer, StoreError> {
        const ACTION: &str = "write layer to";
        self.check(to, Access::Write, ACTION)?;
        let digest = layer.descriptor.digest;
        if self.blob(to, digest).is_some() {
            self.state().counts.existing += 1;
            return Ok(Transfer::Existing);
        }
        let (bytes, transfer) = match &layer.source {
            LayerSource::Repository(from) => {
                let bytes = self.blob(from, digest);
                let bytes = bytes.ok_or_else(|| failure(ACTION, from, StoreErrorKind::NotFound))?;
                let near = from.registry() == to.registry();
                (
                    bytes,
                    if near {
                        Transfer::Mounted
                    } else {
                        Transfer::Uploaded
                    },
                )
            }
            LayerSource::Bytes(source) => {
                let bytes = read_layer(layer, source.as_ref()).map_err(|source| {
                    let (action, path) = ("read", digest.to_string());
                    failure(
                        ACTION,
                        to,
                        StoreErrorKind::Io {
                            action,
                            path,
                            source,
                        },
                    )
                })?;
                (bytes, Transfer::Uploaded)
            }
        };
        let mut state = self.state();
        match transfer {
            Transfer::Mounted => state.counts.mounts += 1,
            _ => state.counts.uploads += 1,
        }
        state.repository(to).blobs.insert(digest, bytes);
        Ok(transfer)
    }

    fn put_image(&self, image: &SealedImage, tags: &[Reference]) -> Result<Written, StoreError> {
        const ACTION: &str = "write image to";
        let first = tags.first().ok_or_else(|| StoreError {
            action: ACTION,
            reference: String::new(),
            kind: StoreErrorKind::Unsupported("an image needs a tag".into()),
        })?;
        if tags.iter().any(|tag| tag.registry() != first.registry()) {
            return Err(failure(ACTION, first, StoreErrorKind::MultipleRegistries));
        }
        let unsupported = |text: String| failure(ACTION, first, StoreErrorKind::Unsupported(text));
        for (number, tag) in tags.iter().enumerate() {
            self.check(tag, Access::Write, ACTION)?;
            if tags[..number].contains(tag) {
                return Err(unsupported(format!("tag {tag} is named twice")));
            }
            for layer in image.image.layers() {
                let blob = layer.descriptor.digest;
                // A registry has the layers of the first repository only; the others are for the store to link.
                if self.blob(first, blob).is_none() {
                    return Err(unsupported(format!("layer {blob} was not put")));
                }
            }
        }
        let (manifest, config) = (image.image.manifest_bytes(), image.image.config_bytes());
        let mut state = self.state();
        state.counts.image_writes += 1;
        let layers = state.repository(first).blobs.clone();
        for tag in tags {
            let repository = state.repository(tag);
            for layer in image.image.layers() {
                let blob = layer.descriptor.digest;
                if let Some(bytes) = layers.get(&blob) {
                    repository.blobs.insert(blob, bytes.clone());
                }
            }
            repository.blobs.insert(digest(config), config.to_vec());
            repository
                .manifests
                .insert(digest(manifest), manifest.to_vec());
            if let Some(name) = tag.tag() {
                repository.tags.insert(name.to_owned(), digest(manifest));
            }
        }
        Ok(Written {
            digest: image.image.digest(),
            manifest_size: manifest.len() as u64,
            tags: tags.to_vec(),
        })
    }

    fn identify(&self, reference: &Reference, image: &Image) -> String {
        reference.with_digest(image.digest()).to_string()
    }

    fn delete(&self, reference: &Reference, digest: Digest) -> Result<(), StoreError> {
        self.check(reference, Access::Write, "delete image of")?;
        let mut state = self.state();
        state.counts.deletes += 1;
        let repository = state.repository(reference);
        repository.manifests.remove(&digest);
        repository.tags.retain(|_, tagged| *tagged != digest);
        Ok(())
    }
}

fn failure(action: &'static str, reference: &Reference, kind: StoreErrorKind) -> StoreError {
    StoreError {
        action,
        reference: reference.to_string(),
        kind,
    }
}

/// The bytes of a layer, held against its descriptor and diff ID.
fn read_layer(layer: &DraftLayer, source: &dyn wharf_layer::BlobSource) -> io::Result<Vec<u8>> {
    let descriptor = &layer.descriptor;
    let mut bytes = Vec::new();
    VerifyingReader::new(source.open()?, descriptor.digest, Some(descriptor.size))
        .read_to_end(&mut bytes)?;
    let archive = decompress(Box::new(Cursor::new(bytes.clone())))?;
    io::copy(
        &mut VerifyingReader::new(archive, layer.diff_id, None),
        &mut io::sink(),
    )?;
    Ok(bytes)
}
