//! A cache image.
//!
//! An image that nobody runs: `os` is `linux`, the label `io.buildpacks.lifecycle.cache.metadata` holds the metadata,
//! and the layers are the cached ones in the order they were added. Layers that the app image has are linked from its
//! repository, those that the last cache had stay where they are, and only the rest is made and sent.
use crate::{
    Cache, CacheError, CacheLayer, CacheTransaction, CacheWrite, Held, Unverified,
    digest_writer::WrongDiffId, metadata,
};
use serde_json::Map;
use std::{
    fmt,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};
use wharf_image::{
    Descriptor, DraftLayer, Family, Image, ImageDraft, ImageStore, Layer, LayerSource, Platform,
    Room, Rooms, SealedImage, StoreError, StoreErrorKind,
    image::digest_of,
    room::{Part, Verdict, weigh},
};
use wharf_layer::{
    BlobSource, Checksum, Compression, Encoder, LayerError, VerifyingReader, blob::decompress,
};
use wharf_spec::{
    digest::Digest,
    encode,
    labels::{self, lifecycle::CacheMetadata},
    log::Log,
    reference::Reference,
};

/// The time of every cache image.
const CREATED: &str = "1980-01-01T00:00:01Z";

/// An image whose layers are cached layers and whose label holds the metadata.
pub struct ImageCache<'a> {
    store: Arc<dyn ImageStore>,
    reference: Reference,
    encoder: Encoder,
    delete_replaced: bool,
    rooms: Option<Arc<dyn Rooms>>,
    log: &'a dyn Log,
    current: Mutex<Current>,
}

/// The current image.
#[derive(Debug, Clone)]
enum Current {
    /// Nobody looked yet.
    Unknown,
    /// There is none.
    Missing,
    /// This one.
    Found(Arc<Image>),
}

impl fmt::Debug for ImageCache<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageCache")
            .field("store", &self.store)
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

impl<'a> ImageCache<'a> {
    /// The cache at `reference` of `store`; `encoder` makes blobs of layers that are not in the store.
    pub fn new(
        store: Arc<dyn ImageStore>,
        reference: Reference,
        encoder: Encoder,
        log: &'a dyn Log,
    ) -> Self {
        Self {
            store,
            reference,
            encoder,
            delete_replaced: false,
            rooms: None,
            log,
            current: Mutex::new(Current::Unknown),
        }
    }

    /// Whether the replaced image is deleted after a commit (Platform API < 0.13).
    #[must_use]
    pub fn delete_replaced(mut self, delete: bool) -> Self {
        self.delete_replaced = delete;
        self
    }

    /// Asks `rooms` for the limit of where the cache is: what does not fit is not sent.
    #[must_use]
    pub fn with_rooms(mut self, rooms: Arc<dyn Rooms>) -> Self {
        self.rooms = Some(rooms);
        self
    }

    /// The current image. One that is no image at all counts as none: the cache will be written anew.
    fn current(&self) -> Result<Option<Arc<Image>>, CacheError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Current::Unknown = *current {
            *current = self.look_up()?;
        }
        Ok(match &*current {
            Current::Found(image) => Some(Arc::clone(image)),
            Current::Unknown | Current::Missing => None,
        })
    }

    fn look_up(&self) -> Result<Current, CacheError> {
        match self.store.find(&self.reference, &platform()) {
            Ok(Some(image)) => Ok(Current::Found(Arc::new(image))),
            Ok(None) => Ok(Current::Missing),
            Err(error) if is_unusable(&error) => {
                let name = &self.reference;
                self.log
                    .warn(&format!("Ignoring cache '{name}': {}", error.kind));
                Ok(Current::Missing)
            }
            Err(error) => Err(self.error("read", error)),
        }
    }

    fn layer(&self, diff_id: Digest) -> Result<Option<Layer>, CacheError> {
        let image = self.current()?;
        let mut layers = image.iter().flat_map(|image| image.layers());
        Ok(layers.find(|layer| layer.diff_id == diff_id).cloned())
    }

    /// Who knows the limit, when there is one.
    fn limits(&self) -> Option<&dyn Rooms> {
        let rooms = self.rooms.as_deref()?;
        matches!(rooms.room(&self.reference), Room::Limited(_)).then_some(rooms)
    }

    fn error(
        &self,
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> CacheError {
        CacheError::new(action, self.name(), source)
    }
}

impl Cache for ImageCache<'_> {
    fn name(&self) -> String {
        self.reference.to_string()
    }

    fn metadata(&self) -> Result<CacheMetadata, CacheError> {
        let image = self.current()?;
        let label = image
            .as_ref()
            .and_then(|image| image.label(labels::CACHE_METADATA));
        Ok(label.map_or_else(CacheMetadata::default, |label| {
            metadata::parse(label.as_bytes(), &self.name(), self.log)
        }))
    }

    fn open_layer(&self, diff_id: Digest) -> Result<Option<Box<dyn Read + Send>>, CacheError> {
        let archive = self.open_unverified(diff_id)?;
        Ok(archive.map(|archive| {
            let verified = VerifyingReader::new(archive.tar, diff_id, None);
            Box::new(verified) as Box<dyn Read + Send>
        }))
    }

    fn open_unverified(&self, diff_id: Digest) -> Result<Option<Unverified>, CacheError> {
        let Some(layer) = self.layer(diff_id)? else {
            return Ok(None);
        };
        let blob = match self.store.open_blob(&self.reference, &layer.descriptor) {
            Ok(blob) => blob,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(self.error("read layer from", error)),
        };
        let tar = decompress(blob).map_err(|error| self.error("read layer from", error))?;
        let expected = Checksum::DiffId(diff_id);
        Ok(Some(Unverified { tar, expected }))
    }

    fn begin(&self) -> Result<Box<dyn CacheTransaction + '_>, CacheError> {
        let previous = self.current()?;
        Ok(Box::new(ImageTransaction {
            cache: self,
            previous,
            layers: Vec::new(),
            limits: self.limits(),
            held: Vec::new(),
        }))
    }
}

/// The next image.
struct ImageTransaction<'a> {
    cache: &'a ImageCache<'a>,
    previous: Option<Arc<Image>>,
    layers: Vec<DraftLayer>,
    /// Who knows the limit, when there is one.
    limits: Option<&'a dyn Rooms>,
    /// Layers that wait until it is sure that they fit.
    held: Vec<DraftLayer>,
}

/// A layer that could not be made or sent.
#[derive(Debug, thiserror::Error)]
enum PutError {
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    WrongDiffId(#[from] WrongDiffId),
}

impl ImageTransaction<'_> {
    fn put_layer(&mut self, layer: &CacheLayer) -> Result<(DraftLayer, CacheWrite), PutError> {
        let of_previous = self.previous.iter().flat_map(|image| image.layers());
        let of_previous = of_previous
            .filter(|previous| previous.diff_id == layer.diff_id)
            .map(|previous| DraftLayer::from_image(previous, &self.cache.reference, None));
        let of_app = layer
            .blob
            .iter()
            .map(|(repository, descriptor)| DraftLayer {
                descriptor: descriptor.clone(),
                diff_id: layer.diff_id,
                created_by: None,
                source: LayerSource::Repository(repository.clone()),
            });
        let candidates = of_previous
            .map(|candidate| (candidate, CacheWrite::Reused))
            .chain(of_app.map(|candidate| (candidate, CacheWrite::Added)));
        for (candidate, write) in candidates {
            if self.waits(&candidate) {
                self.held.push(candidate.clone());
                return Ok((candidate, write));
            }
            match self
                .cache
                .store
                .put_layer(&self.cache.reference, &candidate)
            {
                Ok(_) => return Ok((candidate, write)),
                // Collected as garbage, or in a place that cannot be linked from: make it again.
                Err(error) if is_unlinkable(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let blob = self.cache.encoder.encode(&layer.content)?;
        WrongDiffId::check(layer.diff_id, blob.diff_id)?;
        let made = DraftLayer::from_blob(blob, Family::Oci, None);
        if self.waits(&made) {
            self.held.push(made.clone());
        } else {
            self.cache.store.put_layer(&self.cache.reference, &made)?;
        }
        Ok((made, CacheWrite::Added))
    }

    /// Whether a layer takes room that may not be there.
    fn waits(&self, layer: &DraftLayer) -> bool {
        let Some(rooms) = self.limits else {
            return false;
        };
        match &layer.source {
            LayerSource::Repository(from) => !rooms.is_same_place(from, &self.cache.reference),
            LayerSource::Bytes(_) => true,
        }
    }

    /// Sends what was held back, if all of it fits.
    fn release(&mut self, sealed: &SealedImage) -> Result<(), CacheError> {
        let (cache, held) = (self.cache, std::mem::take(&mut self.held));
        if let Some(rooms) = self.limits {
            let names: Vec<_> = held.iter().map(|layer| layer.diff_id.to_string()).collect();
            let layers = held.iter().zip(&names);
            let mut parts: Vec<_> = layers
                .map(|(layer, name)| Part::of(name, &layer.descriptor, None))
                .collect();
            let documents = [
                ("config", sealed.image.config_bytes()),
                ("manifest", sealed.image.manifest_bytes()),
            ];
            parts.extend(documents.map(|(name, bytes)| Part {
                name,
                digest: digest_of(bytes),
                size: bytes.len() as u64,
                source: None,
            }));
            match weigh((cache.store.as_ref(), rooms), &cache.reference, &parts) {
                // The server has the last word.
                Verdict::Fits | Verdict::Unsure(_) => {}
                Verdict::TooLarge(no_room) => return Err(cache.error("write", no_room)),
            }
        }
        for layer in held {
            let put = cache.store.put_layer(&cache.reference, &layer);
            put.map_err(|error| cache.error("write", error))?;
        }
        Ok(())
    }

    fn write(&mut self, metadata: &CacheMetadata) -> Result<(), CacheError> {
        let cache = self.cache;
        let mut draft = ImageDraft::empty(&platform(), Family::Oci, CREATED);
        if self.layers.is_empty() {
            self.held.push(empty_layer());
            self.layers.push(empty_layer());
        }
        self.layers
            .drain(..)
            .for_each(|layer| draft.push_layer(layer));
        let label = encode::json_text(metadata).map_err(|error| cache.error("write", error))?;
        draft.set_label(labels::CACHE_METADATA, &label);
        let sealed = draft.seal().map_err(|error| cache.error("write", error))?;
        let old = self.previous.as_ref().map(|image| image.digest());
        if old == Some(sealed.image.digest()) {
            return Ok(());
        }
        self.release(&sealed)?;
        let tags = [cache.reference.clone()];
        let written = cache.store.put_image(&sealed, &tags);
        written.map_err(|error| cache.error("write", error))?;
        *cache.current.lock().unwrap_or_else(PoisonError::into_inner) =
            Current::Found(Arc::new(sealed.image));
        if let Some(old) = old.filter(|_| cache.delete_replaced)
            && let Err(error) = cache.store.delete(&cache.reference, old)
        {
            let name = &cache.reference;
            cache.log.warn(&format!(
                "Keeping replaced cache image '{name}@{old}': {}",
                error.kind
            ));
        }
        Ok(())
    }
}

impl CacheTransaction for ImageTransaction<'_> {
    fn put(&mut self, layer: &CacheLayer) -> Result<CacheWrite, CacheError> {
        if self
            .layers
            .iter()
            .any(|added| added.diff_id == layer.diff_id)
        {
            return Ok(CacheWrite::Reused);
        }
        let put = self.put_layer(layer);
        let (added, write) = put.map_err(|error| self.cache.error("add layer to", error))?;
        self.layers.push(added);
        Ok(write)
    }

    /// An image says nothing about when its layers were used.
    fn held(&self) -> Result<Vec<Held>, CacheError> {
        let held = self.layers.iter().map(|layer| Held {
            diff_id: layer.diff_id,
            bytes: layer.descriptor.size,
            used: 0,
        });
        Ok(held.collect())
    }

    fn leave_out(&mut self, diff_id: Digest) -> Result<(), CacheError> {
        self.layers.retain(|layer| layer.diff_id != diff_id);
        Ok(())
    }

    fn commit(mut self: Box<Self>, metadata: &CacheMetadata) -> Result<(), CacheError> {
        self.write(metadata)
    }
}

/// Cache images of the reference lifecycle name no architecture; neither do ours.
fn platform() -> Platform {
    Platform {
        os: "linux".into(),
        architecture: String::new(),
        variant: None,
    }
}

fn is_unusable(error: &StoreError) -> bool {
    matches!(
        error.kind,
        StoreErrorKind::Image(_) | StoreErrorKind::WrongPlatform { .. }
    )
}

fn is_unlinkable(error: &StoreError) -> bool {
    matches!(
        error.kind,
        StoreErrorKind::NotFound
            | StoreErrorKind::Unsupported(_)
            | StoreErrorKind::MultipleRegistries
            | StoreErrorKind::Unauthorized { .. }
            | StoreErrorKind::Denied { .. }
    )
}

/// An archive without entries: an image without any layer is refused by many a registry.
#[derive(Debug)]
struct EmptyArchive;

const EMPTY_ARCHIVE: [u8; 1024] = [0; 1024];

impl BlobSource for EmptyArchive {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(&EMPTY_ARCHIVE[..]))
    }
}

fn empty_layer() -> DraftLayer {
    let digest = digest_of(&EMPTY_ARCHIVE);
    DraftLayer {
        descriptor: Descriptor {
            media_type: Family::Oci.layer(Compression::None).to_owned(),
            digest,
            size: EMPTY_ARCHIVE.len() as u64,
            rest: Map::new(),
        },
        diff_id: digest,
        created_by: None,
        source: LayerSource::Bytes(Arc::new(EmptyArchive)),
    }
}
