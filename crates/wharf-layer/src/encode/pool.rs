//! The threads that read and compress, shared by all layers of a command.
use super::{
    Method,
    compress::{BlockCompressor, ROOM},
};
use crate::{LayerError, content::block::Block};
use std::{
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{Builder, JoinHandle},
};

/// A block in memory and, when it was asked for, compressed.
#[derive(Debug)]
pub(super) struct Rendered {
    raw: Buffer,
    packed: Option<Buffer>,
}

impl Rendered {
    /// Bytes of the archive.
    pub(super) fn raw(&self) -> &[u8] {
        self.raw.bytes()
    }

    /// Bytes of the blob.
    pub(super) fn packed(&self) -> &[u8] {
        self.packed.as_ref().unwrap_or(&self.raw).bytes()
    }
}

pub(super) type Outcome = Result<Rendered, LayerError>;

/// Reads a block and, with a method, compresses it.
struct Job {
    block: Block,
    method: Option<Method>,
    done: Sender<Outcome>,
}

/// A block under way. Dropping it gives its place to another.
pub(super) struct Ticket {
    outcome: Receiver<Outcome>,
    _place: Place,
}

impl Ticket {
    /// Waits for the block.
    pub(super) fn wait(self) -> Outcome {
        self.outcome.recv().unwrap_or_else(|_| Err(worker_ended()))
    }
}

/// A bounded number of threads with a bounded number of blocks in memory. Threads start with the first block.
pub(super) struct Pool {
    workers: usize,
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

struct Running {
    jobs: Sender<Job>,
    threads: Vec<JoinHandle<()>>,
}

/// What threads and tickets hold on to.
struct Shared {
    /// Places that are free.
    places: Mutex<usize>,
    freed: Condvar,
    /// Buffers that are not in use, so that the kernel need not find and clear pages for each block.
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn new(workers: NonZeroUsize) -> Self {
        let workers = workers.get();
        Self {
            workers,
            shared: Arc::new(Shared {
                places: Mutex::new(2 * workers + 2),
                freed: Condvar::new(),
                buffers: Mutex::default(),
            }),
            running: Mutex::new(None),
        }
    }

    pub(super) fn workers(&self) -> usize {
        self.workers
    }

    /// Waits for a place for a block.
    pub(super) fn place(&self) -> Place {
        let mut places = lock(&self.shared.places);
        while *places == 0 {
            places = self
                .shared
                .freed
                .wait(places)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *places -= 1;
        Place(Arc::clone(&self.shared))
    }

    /// Has the block read and compressed.
    pub(super) fn submit(
        &self,
        block: Block,
        method: Option<Method>,
        place: Place,
    ) -> Result<Ticket, LayerError> {
        let (done, outcome) = channel();
        let job = Job {
            block,
            method,
            done,
        };
        let mut running = lock(&self.running);
        let started = match running.take() {
            Some(started) => started,
            None => self.start()?,
        };
        let sent = started.jobs.send(job);
        *running = Some(started);
        sent.map_err(|_| worker_ended())?;
        Ok(Ticket {
            outcome,
            _place: place,
        })
    }

    fn start(&self) -> Result<Running, LayerError> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let start = |_| {
            let (queue, shared) = (Arc::clone(&queue), Arc::clone(&self.shared));
            Builder::new()
                .name("layer".into())
                .spawn(move || work(&queue, &shared))
        };
        let threads = (0..self.workers).map(start).collect::<Result<_, _>>();
        Ok(Running {
            jobs,
            threads: threads.map_err(LayerError::Write)?,
        })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(Running { jobs, threads }) = lock(&self.running).take() {
            drop(jobs);
            for thread in threads {
                // A worker that panicked has already failed its layer.
                let _ = thread.join();
            }
        }
    }
}

/// The right to have one block in memory.
pub(super) struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        *lock(&self.0.places) += 1;
        self.0.freed.notify_one();
    }
}

/// Bytes in a buffer that goes back when it is dropped.
struct Buffer {
    bytes: Vec<u8>,
    len: usize,
    shared: Arc<Shared>,
}

impl Buffer {
    fn new(shared: &Arc<Shared>) -> Self {
        let spare = lock(&shared.buffers).pop();
        Self {
            bytes: spare.unwrap_or_else(|| vec![0; ROOM]),
            len: 0,
            shared: Arc::clone(shared),
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        lock(&self.shared.buffers).push(std::mem::take(&mut self.bytes));
    }
}

/// Takes blocks until the pool is gone.
fn work(queue: &Mutex<Receiver<Job>>, shared: &Arc<Shared>) {
    let mut compressor = None;
    loop {
        let next = lock(queue).recv();
        let Ok(Job {
            block,
            method,
            done,
        }) = next
        else {
            return;
        };
        // When the layer has failed meanwhile, nobody wants the outcome.
        let _ = done.send(render(&block, method, &mut compressor, shared));
    }
}

fn render(
    block: &Block,
    method: Option<Method>,
    kept: &mut Option<(Method, BlockCompressor)>,
    shared: &Arc<Shared>,
) -> Outcome {
    let mut raw = Buffer::new(shared);
    raw.len = block.len();
    block.render(&mut raw.bytes[..block.len()])?;
    let Some(method) = method else {
        return Ok(Rendered { raw, packed: None });
    };
    let compressor = match kept {
        Some((same, compressor)) if *same == method => compressor,
        _ => {
            let compressor = BlockCompressor::new(method).map_err(LayerError::Write)?;
            &mut kept.insert((method, compressor)).1
        }
    };
    let mut packed = Buffer::new(shared);
    let written = compressor.compress(raw.bytes(), &mut packed.bytes);
    let packed = written.map_err(LayerError::Write)?.map(|len| {
        packed.len = len;
        packed
    });
    Ok(Rendered { raw, packed })
}

fn worker_ended() -> LayerError {
    LayerError::Write(std::io::Error::other("a worker thread ended early"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
