//! The bytes of an archive in blocks that are filled once, looked at by many, and filled again.
use sha2::{Digest as _, Sha256};
use std::{
    io::{self, Read},
    ops::Range,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        mpsc::{Receiver, Sender},
    },
};
use wharf_spec::digest::Digest;

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

/// Blocks in the order of the archive.
pub(super) struct Feed<'a> {
    tar: &'a mut dyn Read,
    home: Arc<Home>,
    /// Who else is to see the blocks.
    hasher: Option<Sender<Arc<Block>>>,
    /// An error that came after some bytes.
    error: Option<io::Error>,
}

impl<'a> Feed<'a> {
    /// Has `blocks` blocks in use at a time.
    pub(super) fn new(
        tar: &'a mut dyn Read,
        blocks: usize,
        hasher: Option<Sender<Arc<Block>>>,
    ) -> Self {
        Self {
            tar,
            home: Arc::new(Home::new(blocks)),
            hasher,
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
        if let (Some(block), Some(hasher)) = (&block, &self.hasher) {
            // It only ever ends after this.
            let _ = hasher.send(Arc::clone(block));
        }
        Ok(block)
    }
}

/// Digest of all blocks, once there will be no more.
pub(super) fn digest(blocks: &Receiver<Arc<Block>>) -> Digest {
    let mut hasher = Sha256::new();
    for block in blocks {
        hasher.update(block.bytes());
    }
    Digest::from_bytes(hasher.finalize().into())
}
