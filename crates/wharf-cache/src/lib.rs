//! What a previous build left for the next one, in a directory or an image (platform spec, "Cache").
//!
//! | module | what |
//! |---|---|
//! | [`volume`] | a directory, in the reference's layout |
//! | [`image`] | an image in a store |
//! | [`limit`] | which layers go when a cache is too large; pure |
use std::{
    fmt,
    io::{Read, Write},
};
use wharf_image::Descriptor;
use wharf_layer::{Checksum, LayerContent};
use wharf_spec::{
    digest::Digest, files::fingerprints::Fingerprints, labels::lifecycle::CacheMetadata,
    reference::Reference,
};

mod digest_writer;
pub mod image;
pub mod limit;
mod metadata;
mod sealed;
pub mod volume;

pub use image::ImageCache;
pub use limit::{Held, excess};
pub use volume::VolumeCache;

/// A failed cache operation.
#[derive(Debug, thiserror::Error)]
#[error("{action} cache '{cache}'")]
pub struct CacheError {
    /// What was tried.
    pub action: &'static str,
    /// Directory or reference.
    pub cache: String,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl CacheError {
    fn new(
        action: &'static str,
        cache: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            action,
            cache: cache.into(),
            source: source.into(),
        }
    }
}

/// The cache of one app.
pub trait Cache: fmt::Debug + Send + Sync {
    /// Directory or reference, for messages.
    fn name(&self) -> String;

    /// What the last build recorded; empty when there is none or it cannot be understood.
    fn metadata(&self) -> Result<CacheMetadata, CacheError>;

    /// The uncompressed archive of a layer, verified when read to the end. `None` when it is not there.
    fn open_layer(&self, diff_id: Digest) -> Result<Option<Box<dyn Read + Send>>, CacheError>;

    /// The same for readers that verify it themselves, so that it is done on another thread, only once, and by the
    /// quickest means. They tell [`Cache::discard`] when it is wrong.
    fn open_unverified(&self, diff_id: Digest) -> Result<Option<Unverified>, CacheError> {
        let tar = self.open_layer(diff_id)?;
        Ok(tar.map(|tar| Unverified {
            tar,
            expected: Checksum::DiffId(diff_id),
        }))
    }

    /// Forgets a layer that turned out to be corrupt, so that the next build adds it anew.
    fn discard(&self, _diff_id: Digest) {}

    /// What the last build saw of the app, to save reading it.
    fn fingerprints(&self) -> Fingerprints {
        Fingerprints::default()
    }

    /// Starts the next contents; nothing changes for readers until `commit`.
    fn begin(&self) -> Result<Box<dyn CacheTransaction + '_>, CacheError>;
}

/// An archive whose bytes nobody has verified.
pub struct Unverified {
    /// The uncompressed archive.
    pub tar: Box<dyn Read + Send>,
    /// What it must turn out to be.
    pub expected: Checksum,
}

impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// A layer for the next cache.
#[derive(Debug, Clone)]
pub struct CacheLayer {
    /// Diff ID, already known from export.
    pub diff_id: Digest,
    /// Content, for caches that must read it again.
    pub content: LayerContent,
    /// The blob in the app image's repository, when it is there.
    pub blob: Option<(Reference, Descriptor)>,
    /// Whether this build made use of it.
    pub is_used: bool,
}

/// Whether a layer had to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheWrite {
    /// It was in the cache already.
    Reused,
    /// It was added.
    Added,
}

/// The next contents of a cache. Dropping it without `commit` changes nothing.
pub trait CacheTransaction: Send + Sync {
    /// A writer for the archive of a layer that is being made, so that it need not be read again for the cache. `None`
    /// where the cache wants no archives.
    fn tee(&self) -> Result<Option<Box<dyn CacheTee + '_>>, CacheError> {
        Ok(None)
    }

    /// Makes sure the layer is in the next contents.
    fn put(&mut self, layer: &CacheLayer) -> Result<CacheWrite, CacheError>;

    /// The layers of the next contents.
    fn held(&self) -> Result<Vec<Held>, CacheError>;

    /// Takes a layer out of the next contents.
    fn leave_out(&mut self, diff_id: Digest) -> Result<(), CacheError>;

    /// Whether it makes use of what is seen of the app.
    fn remembers(&self) -> bool {
        false
    }

    /// Keeps what was seen of the app.
    fn remember(&mut self, _fingerprints: &Fingerprints) -> Result<(), CacheError> {
        Ok(())
    }

    /// Makes the next contents the current ones, at once.
    fn commit(self: Box<Self>, metadata: &CacheMetadata) -> Result<(), CacheError>;
}

/// Takes the archive of a layer while it is made. Dropping it without `keep` leaves nothing.
pub trait CacheTee: Write {
    /// The archive is complete, and this is its diff ID: the layer is in the next contents.
    fn keep(self: Box<Self>, diff_id: Digest) -> Result<(), CacheError>;
}
