//! The bytes of an archive in blocks that are filled once, looked at by many, and filled again.
use crate::checksum::Hasher;
use std::{
    io::{self, Read},
    ops::Range,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc::Sender},
};

/// Bytes in a block: the second-level cache holds it while it is hashed and written.
pub(super) const BLOCK: usize = 256 * 1024;

/// Bytes that go home with the last piece of them.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Vec<u8>,
    filled: usize,
    home: Option<Arc<Home>>,
}

impl Block {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            home.give(std::mem::take(&mut self.bytes));
        }
    }
}

/// Where the blocks of one archive are while nobody uses them.
#[derive(Debug)]
struct Home {
    free: Mutex<Vec<Vec<u8>>>,
    enough: Condvar,
    /// Blocks that are worth waking up for.
    some: usize,
}

impl Home {
    fn new(blocks: usize) -> Self {
        Self {
            free: Mutex::new(vec![Vec::new(); blocks]),
            enough: Condvar::new(),
            some: blocks / 4,
        }
    }

    fn give(&self, bytes: Vec<u8>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(bytes);
        if free.len() >= self.some {
            drop(free);
            self.enough.notify_one();
        }
    }

    /// Bytes that nobody uses. When all are in use, waits for several to come back, for waking up costs as much as
    /// writing one.
    fn take(&self) -> Vec<u8> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(mut bytes) = free.pop() {
                bytes.resize(BLOCK, 0);
                return bytes;
            }
            while free.len() < self.some {
                let enough = self.enough.wait(free);
                free = enough.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Some bytes of a block.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    block: Arc<Block>,
    range: Range<usize>,
}

impl Piece {
    pub(super) fn new(block: &Arc<Block>, range: Range<usize>) -> Self {
        Self {
            block: Arc::clone(block),
            range,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.block.bytes()[self.range.clone()]
    }

    /// The same bytes outside any block, for those who keep them for an unknown time.
    pub(super) fn detached(&self) -> Self {
        let bytes = self.bytes().to_vec();
        let range = 0..bytes.len();
        let block = Block {
            filled: bytes.len(),
            bytes,
            home: None,
        };
        Self {
            block: Arc::new(block),
            range,
        }
    }
}

/// Who sees every block besides those who extract.
pub(super) enum Witness {
    /// Nobody.
    None,
    /// Another thread, for a digest that takes longer than all the rest.
    Elsewhere(Sender<Arc<Block>>),
    /// The thread that reads, while the bytes are in its cache.
    Here(Arc<Mutex<Hasher>>),
}

/// Blocks in the order of the archive.
pub(super) struct Feed<'a> {
    tar: &'a mut dyn Read,
    home: Arc<Home>,
    witness: Witness,
    /// An error that came after some bytes.
    error: Option<io::Error>,
}

impl<'a> Feed<'a> {
    /// Has `blocks` blocks in use at a time.
    pub(super) fn new(tar: &'a mut dyn Read, blocks: usize, witness: Witness) -> Self {
        Self {
            tar,
            home: Arc::new(Home::new(blocks)),
            witness,
            error: None,
        }
    }

    /// The next bytes; none at the end. Waits for a block to come back when all are in use.
    pub(super) fn next(&mut self) -> io::Result<Option<Arc<Block>>> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut block = Block {
            bytes: self.home.take(),
            filled: 0,
            home: Some(Arc::clone(&self.home)),
        };
        while block.filled < BLOCK {
            match self.tar.read(&mut block.bytes[block.filled..]) {
                Ok(0) => break,
                Ok(count) => block.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if block.filled == 0 => return Err(error),
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        let block = (block.filled > 0).then(|| Arc::new(block));
        if let Some(block) = &block {
            self.show(block);
        }
        Ok(block)
    }
}

impl Feed<'_> {
    fn show(&self, block: &Arc<Block>) {
        match &self.witness {
            Witness::None => {}
            // It only ever ends after this.
            Witness::Elsewhere(hasher) => drop(hasher.send(Arc::clone(block))),
            Witness::Here(hasher) => lock(hasher).update(block.bytes()),
        }
    }
}

/// The state of a hasher stays whole whatever a panicking thread was doing.
pub(super) fn lock(hasher: &Mutex<Hasher>) -> MutexGuard<'_, Hasher> {
    hasher.lock().unwrap_or_else(PoisonError::into_inner)
}
