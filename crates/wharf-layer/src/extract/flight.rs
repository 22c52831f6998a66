//! What of one archive is being written by other threads.
use super::{
    ExtractError,
    file::{LargeFile, SmallFile},
};
use std::{
    io,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

/// Tasks of one archive that are not done, and what came of those that are.
#[derive(Debug)]
pub(super) struct Flight {
    state: Mutex<State>,
    idle: Condvar,
    /// The first entry that failed; nothing after it needs to be written.
    failed_at: AtomicU64,
    /// Whether something failed or was put back.
    disturbed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    tasks: usize,
    failure: Option<ExtractError>,
    /// Files that something stands in the way of.
    put_back: Vec<SmallFile>,
}

impl Flight {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            idle: Condvar::new(),
            failed_at: AtomicU64::new(u64::MAX),
            disturbed: AtomicBool::new(false),
        }
    }

    /// Notes that a task is about to start.
    pub(super) fn take_off(&self) {
        self.lock().tasks += 1;
    }

    /// The end of a task, when it is dropped.
    pub(super) fn landing(&self) -> Landing<'_> {
        Landing(self)
    }

    pub(super) fn write_small(&self, file: SmallFile) {
        let entry = file.entry;
        if self.is_failed_before(entry) {
            return;
        }
        match file.make() {
            Ok(None) => {}
            Ok(Some(file)) => {
                self.lock().put_back.push(file.detached());
                self.disturbed.store(true, Ordering::Release);
            }
            Err(error) => self.fail(entry, error),
        }
    }

    pub(super) fn write_large(&self, file: &LargeFile) {
        if self.is_failed_before(file.entry) {
            file.abandon();
        } else if let Err(error) = file.write() {
            file.abandon();
            self.fail(file.entry, error);
        }
    }

    /// Notes a failure; of several the one that comes first in the archive counts.
    pub(super) fn fail(&self, entry: u64, error: ExtractError) {
        let mut state = self.lock();
        if entry < self.failed_at.load(Ordering::Acquire) {
            state.failure = Some(error);
            self.failed_at.store(entry, Ordering::Release);
            self.disturbed.store(true, Ordering::Release);
        }
    }

    /// Whether there is something that should be looked at before more is written.
    pub(super) fn is_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::Acquire)
    }

    pub(super) fn is_failed_before(&self, entry: u64) -> bool {
        self.failed_at.load(Ordering::Acquire) < entry
    }

    /// Waits until no task is left; what was put back, in the order of the archive.
    pub(super) fn wait(&self) -> Vec<SmallFile> {
        let mut state = self.lock();
        while state.tasks > 0 {
            let idle = self.idle.wait(state);
            state = idle.unwrap_or_else(PoisonError::into_inner);
        }
        let failed = state.failure.is_some();
        self.disturbed.store(failed, Ordering::Release);
        let mut files = std::mem::take(&mut state.put_back);
        drop(state);
        files.sort_by_key(|file| file.entry);
        files
    }

    pub(super) fn take_failure(&self) -> Option<ExtractError> {
        self.lock().failure.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a task whatever becomes of its thread.
pub(super) struct Landing<'a>(&'a Flight);

impl Landing<'_> {
    pub(super) fn flight(&self) -> &Flight {
        self.0
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let error = io::Error::other("a thread that writes files panicked");
            self.0.fail(0, ExtractError::Read(error));
        }
        let mut state = self.0.lock();
        state.tasks -= 1;
        if state.tasks == 0 {
            self.0.idle.notify_all();
        }
    }
}
