//! Threads that write files, for all archives that are extracted at a time.
use super::{
    file::{LargeFile, SmallFile},
    flight::Flight,
};
use std::{
    collections::VecDeque,
    fmt,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

/// Pieces of work that may wait for a thread: enough that none runs dry while an archive is read, and few enough that
/// the directories they hold open stay well below what a process may have open.
const WAITING: usize = 16;

/// A bounded number of threads that write files. They end when this is dropped.
pub struct Writers {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Writers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writers")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

/// What a thread is asked to do.
pub(super) struct Task {
    pub(super) flight: Arc<Flight>,
    pub(super) work: Work,
}

pub(super) enum Work {
    Small(Vec<SmallFile>),
    Large(Arc<LargeFile>),
}

impl Task {
    fn run(self) {
        let landing = self.flight.landing();
        match self.work {
            Work::Small(files) => files
                .into_iter()
                .for_each(|file| landing.flight().write_small(file)),
            Work::Large(file) => landing.flight().write_large(&file),
        }
    }
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    /// Something came, or nothing ever will.
    ready: Condvar,
    /// There is room for more.
    room: Condvar,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    closed: bool,
}

impl Writers {
    /// Starts `threads` threads, or as many as the system allows; without any, files are written by who reads them.
    pub fn new(threads: NonZeroUsize) -> Self {
        let queue = Arc::new(Queue::default());
        let start = |number: usize| {
            let queue = Arc::clone(&queue);
            let thread = thread::Builder::new().name(format!("write-{number}"));
            thread.spawn(move || queue.work()).ok()
        };
        let threads = (0..threads.get()).map_while(start).collect();
        Self { queue, threads }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Waits for room.
    pub(super) fn push(&self, task: Task) {
        let mut state = self.queue.lock();
        while state.tasks.len() >= WAITING {
            let room = self.queue.room.wait(state);
            state = room.unwrap_or_else(PoisonError::into_inner);
        }
        state.tasks.push_back(task);
        drop(state);
        self.queue.ready.notify_one();
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.ready.notify_all();
        for thread in self.threads.drain(..) {
            // It does not panic outside of its tasks.
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(task) = self.next() {
            // A panic is the failure of its archive; the others still need the thread.
            let _ = catch_unwind(AssertUnwindSafe(|| task.run()));
        }
    }

    fn next(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            if let Some(task) = state.tasks.pop_front() {
                drop(state);
                self.room.notify_one();
                return Some(task);
            }
            if state.closed {
                return None;
            }
            let ready = self.ready.wait(state);
            state = ready.unwrap_or_else(PoisonError::into_inner);
        }
    }
}
