//! What was sent and received.
use std::sync::atomic::{AtomicU64, Ordering};

/// Totals of a store since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests sent, those to token services and repeated ones included.
    pub requests: u64,
    /// Bytes of blobs and manifests sent, those of failed attempts included.
    pub bytes_uploaded: u64,
    /// Bytes of blobs and manifests received.
    pub bytes_downloaded: u64,
    /// Blobs sent.
    pub blobs_uploaded: u64,
    /// Blobs linked from another repository.
    pub blobs_mounted: u64,
    /// Blobs that were there.
    pub blobs_existing: u64,
    /// Attempts after a failed one.
    pub retries: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) bytes_uploaded: AtomicU64,
    pub(crate) bytes_downloaded: AtomicU64,
    pub(crate) blobs_uploaded: AtomicU64,
    pub(crate) blobs_mounted: AtomicU64,
    pub(crate) blobs_existing: AtomicU64,
    pub(crate) retries: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Statistics {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            requests: load(&self.requests),
            bytes_uploaded: load(&self.bytes_uploaded),
            bytes_downloaded: load(&self.bytes_downloaded),
            blobs_uploaded: load(&self.blobs_uploaded),
            blobs_mounted: load(&self.blobs_mounted),
            blobs_existing: load(&self.blobs_existing),
            retries: load(&self.retries),
        }
    }
}
