//! From one archive to the threads that write, without two of them ever meeting at one path.
use super::{
    block::Piece,
    file::{LargeFile, SmallFile},
    flight::Flight,
    writers::{Task, Work, Writers},
};
use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    os::unix::ffi::OsStrExt,
    path::Path,
    sync::Arc,
};

/// Files, directories and bytes in one task of small files: worth waking a thread for, and few open directories.
const FILES: usize = 32;
const DIRECTORIES: usize = 8;
const BYTES: usize = 256 * 1024;
/// Names that are remembered before all files are waited for, so that memory does not grow with the archive.
const NAMES: usize = 8192;

/// Hands files over. Without writers nothing is ever in flight.
pub(super) struct Dispatch<'a> {
    writers: Option<&'a Writers>,
    pub(super) flight: Arc<Flight>,
    /// The next task.
    batch: Vec<SmallFile>,
    batch_directories: usize,
    batch_bytes: usize,
    /// Hashes of paths that may be in flight; two paths with one hash only cost a wait.
    names: HashSet<u64>,
    hasher: RandomState,
}

impl<'a> Dispatch<'a> {
    pub(super) fn new(writers: Option<&'a Writers>) -> Self {
        Self {
            writers: writers.filter(|writers| !writers.is_empty()),
            flight: Arc::new(Flight::new()),
            batch: Vec::new(),
            batch_directories: 0,
            batch_bytes: 0,
            names: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Whether files are written by other threads at all.
    pub(super) fn is_parallel(&self) -> bool {
        self.writers.is_some()
    }

    /// Whether so many files may be in flight that it is time to wait for them.
    pub(super) fn is_full(&self) -> bool {
        self.names.len() >= NAMES
    }

    pub(super) fn may_hold(&self, path: &Path) -> bool {
        !self.names.is_empty() && self.names.contains(&self.hash(path))
    }

    pub(super) fn small(&mut self, file: SmallFile) {
        self.remember(&file.path);
        let last = self.batch.last();
        let same = last.is_some_and(|last| Arc::ptr_eq(&last.parent, &file.parent));
        self.batch_directories += usize::from(!same);
        let bytes = file.content.iter().map(|piece| piece.bytes().len());
        self.batch_bytes += bytes.sum::<usize>();
        self.batch.push(file);
        if self.batch.len() >= FILES
            || self.batch_directories >= DIRECTORIES
            || self.batch_bytes >= BYTES
        {
            self.flush();
        }
    }

    /// Starts a large file.
    pub(super) fn large(&mut self, path: &Path) {
        // Its pieces need the blocks that the batch holds.
        self.flush();
        self.remember(path);
    }

    /// The next piece of a large file, or its end.
    pub(super) fn piece(&self, file: &Arc<LargeFile>, piece: Option<Piece>) {
        if file.push(piece) {
            self.push(Work::Large(Arc::clone(file)));
        }
    }

    /// Sends off what is still at hand.
    pub(super) fn flush(&mut self) {
        self.batch_directories = 0;
        self.batch_bytes = 0;
        if !self.batch.is_empty() {
            let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(FILES));
            self.push(Work::Small(batch));
        }
    }

    /// Waits until nothing is in flight; files that could not be made in passing.
    pub(super) fn wait(&mut self) -> Vec<SmallFile> {
        self.flush();
        self.names.clear();
        self.flight.wait()
    }

    fn push(&self, work: Work) {
        if let Some(writers) = self.writers {
            self.flight.take_off();
            let flight = Arc::clone(&self.flight);
            writers.push(Task { flight, work });
        }
    }

    fn remember(&mut self, path: &Path) {
        let hash = self.hash(path);
        self.names.insert(hash);
    }

    fn hash(&self, path: &Path) -> u64 {
        self.hasher.hash_one(path.as_os_str().as_bytes())
    }
}
