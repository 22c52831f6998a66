//! Blocks out to the workers, compressed bytes back in order.
use super::{
    HashWriter,
    block::{BLOCK, BlockCompressor},
};
use crate::Compression;
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    mem,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{Builder, Scope, ScopedJoinHandle},
};
use wharf_spec::digest::Digest;

/// What is known once every byte went through.
pub(super) struct Encoded {
    pub(super) digest: Digest,
    pub(super) diff_id: Digest,
    pub(super) size: u64,
}

/// A block and where its compressed form goes.
struct Job {
    block: Vec<u8>,
    done: Sender<io::Result<Vec<u8>>>,
}

/// Takes the archive; hashes it, has it compressed, hashes the outcome and writes it to `file`.
///
/// The thread that writes into the sink also collects: when enough blocks are under way it waits for the oldest.
/// So at most `workers + 2` blocks are in memory, and bytes come out in the order they went in.
pub(super) struct Sink<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    compression: Compression,
    workers: usize,
    file: &'env File,
    jobs: Option<Sender<Job>>,
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
    under_way: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    block: Vec<u8>,
    archive: HashWriter,
    blob: HashWriter,
    size: u64,
    failure: Option<io::Error>,
}

impl<'scope, 'env> Sink<'scope, 'env> {
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        compression: Compression,
        workers: NonZeroUsize,
        file: &'env File,
    ) -> Self {
        Self {
            scope,
            compression,
            workers: workers.get(),
            file,
            jobs: None,
            threads: Vec::new(),
            under_way: VecDeque::new(),
            block: Vec::new(),
            archive: HashWriter::default(),
            blob: HashWriter::default(),
            size: 0,
            failure: None,
        }
    }

    /// Ends the blob. With `complete` false only the first failure of the sink itself is of interest.
    pub(super) fn finish(mut self, complete: bool) -> io::Result<Encoded> {
        let flushed = self.flush_blocks(complete);
        drop(self.jobs.take());
        let ended = self.threads.drain(..).map(ScopedJoinHandle::join);
        // All of them are joined, or the scope would panic for one that did.
        let ended = ended.fold(Ok(()), Result::and);
        flushed?;
        ended.map_err(|_| worker_ended())?;
        Ok(Encoded {
            digest: self.blob.finish(),
            diff_id: self.archive.finish(),
            size: self.size,
        })
    }

    fn flush_blocks(&mut self, complete: bool) -> io::Result<()> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if complete {
            // Nothing at all is still one member or frame, or readers would take the blob for damaged.
            let nothing_yet = self.under_way.is_empty() && self.size == 0;
            if !self.block.is_empty() || nothing_yet {
                self.dispatch()?;
            }
            while let Some(oldest) = self.under_way.pop_front() {
                self.collect(&oldest)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.archive.write_all(bytes)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.block.capacity() == 0 {
                self.block.reserve_exact(BLOCK);
            }
            let (now, later) = rest.split_at(rest.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(now);
            rest = later;
            if self.block.len() == BLOCK {
                self.dispatch()?;
            }
        }
        Ok(())
    }

    /// Sends the block off, and makes room for the next.
    fn dispatch(&mut self) -> io::Result<()> {
        let block = mem::take(&mut self.block);
        if self.jobs.is_none() && block.len() < BLOCK {
            // A layer of a single block is not worth a thread.
            let compressed = BlockCompressor::new(self.compression)?.compress(block)?;
            return self.store(&compressed);
        }
        if self.compression == Compression::None {
            return self.store(&block);
        }
        let (done, outcome) = channel();
        let jobs = match self.jobs.take() {
            Some(jobs) => jobs,
            None => self.start_workers()?,
        };
        let sent = jobs.send(Job { block, done });
        self.jobs = Some(jobs);
        sent.map_err(|_| worker_ended())?;
        self.under_way.push_back(outcome);
        while self.under_way.len() > self.workers + 1 {
            let Some(oldest) = self.under_way.pop_front() else {
                break;
            };
            self.collect(&oldest)?;
        }
        Ok(())
    }

    fn start_workers(&mut self) -> io::Result<Sender<Job>> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..self.workers {
            let mut compressor = BlockCompressor::new(self.compression)?;
            let queue = Arc::clone(&queue);
            let run = move || work(&mut compressor, &queue);
            let thread = Builder::new()
                .name("compress".into())
                .spawn_scoped(self.scope, run)?;
            self.threads.push(thread);
        }
        Ok(jobs)
    }

    fn collect(&mut self, outcome: &Receiver<io::Result<Vec<u8>>>) -> io::Result<()> {
        let compressed = outcome.recv().map_err(|_| worker_ended())??;
        self.store(&compressed)
    }

    fn store(&mut self, compressed: &[u8]) -> io::Result<()> {
        self.blob.write_all(compressed)?;
        self.size += compressed.len() as u64;
        self.file.write_all(compressed)
    }
}

impl Write for Sink<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.push(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                let kind = error.kind();
                self.failure.get_or_insert(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compresses until the sink is gone.
fn work(compressor: &mut BlockCompressor, queue: &Mutex<Receiver<Job>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, done }) = next else {
            return;
        };
        // The sink may have given up already; then nobody wants the outcome.
        let _ = done.send(compressor.compress(block));
    }
}

fn worker_ended() -> io::Error {
    io::Error::other("a compression worker ended early")
}
