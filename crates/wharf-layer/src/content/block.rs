//! The archive cut into blocks of equal size, described before a byte of content is read.
//!
//! Where a file lies in the archive follows from the sizes before it, so the blocks of an archive can be read and
//! compressed by any thread in any order, and are still the same whoever does it.
use super::walk::{changed, failed, read_error};
use crate::LayerError;
use rustix::fs::OFlags;
use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::PathBuf,
    sync::Arc,
};

/// Bytes of the archive in each block but the last.
pub(crate) const BLOCK: usize = 1024 * 1024;

/// A file whose content goes into the archive, as it was when its header was made.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    flags: OFlags,
    seen: State,
}

/// What must not differ between the header and the last byte.
#[derive(Debug, PartialEq, Eq)]
struct State {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    is_file: bool,
}

impl State {
    fn of(found: &Metadata) -> Self {
        Self {
            file: (found.dev(), found.ino()),
            size: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            is_file: found.is_file(),
        }
    }
}

impl Source {
    /// The regular file at `path`, opened with `flags`.
    pub(crate) fn new(path: PathBuf, found: &Metadata, flags: OFlags) -> Self {
        Self {
            path,
            flags,
            seen: State::of(found),
        }
    }

    /// Reads the bytes at `offset`. The file has to be the one that was seen, unchanged before and after.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), LayerError> {
        let file = self.open().map_err(|error| read_error(&self.path, error))?;
        let read = file
            .read_exact_at(buffer, offset)
            .and_then(|()| self.check_end(&file, offset + buffer.len() as u64));
        let failed = |error| failed("read", &self.path, error);
        let after = file.metadata().map_err(failed)?;
        match read {
            _ if State::of(&after) != self.seen => Err(changed(&self.path)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(changed(&self.path)),
            Err(error) => Err(failed(error)),
            Ok(()) => Ok(()),
        }
    }

    /// Where the size ends, so do the bytes: times of some files do not tell when they grow.
    fn check_end(&self, file: &File, end: u64) -> io::Result<()> {
        if end == self.seen.size && file.read_at(&mut [0], end)? > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(self.flags.bits()).unwrap_or(0))
            .open(&self.path)
    }
}

/// A stretch of a block.
#[derive(Debug)]
enum Piece {
    /// The next so many of the block's own bytes: headers and padding.
    Literal(usize),
    /// So many bytes of a file, from an offset on.
    File(Arc<Source>, u64, usize),
}

/// A stretch of the archive.
#[derive(Debug, Default)]
pub(crate) struct Block {
    literals: Vec<u8>,
    pieces: Vec<Piece>,
    len: usize,
}

impl Block {
    /// Bytes of the archive; at most [`BLOCK`].
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Fills `buffer`, which has the length of the block.
    pub(crate) fn render(&self, mut buffer: &mut [u8]) -> Result<(), LayerError> {
        let mut literals = self.literals.as_slice();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(count) => {
                    let (now, later) = literals.split_at(*count);
                    let (target, rest) = buffer.split_at_mut(*count);
                    target.copy_from_slice(now);
                    (literals, buffer) = (later, rest);
                }
                Piece::File(source, offset, count) => {
                    let (target, rest) = buffer.split_at_mut(*count);
                    source.read(*offset, target)?;
                    buffer = rest;
                }
            }
        }
        Ok(())
    }
}

/// Takes the archive in order and hands out its blocks.
pub(crate) struct Cutter<'a> {
    block: Block,
    cut_any: bool,
    emit: &'a mut dyn FnMut(Block) -> Result<(), LayerError>,
}

impl<'a> Cutter<'a> {
    pub(crate) fn new(emit: &'a mut dyn FnMut(Block) -> Result<(), LayerError>) -> Self {
        Self {
            block: Block::default(),
            cut_any: false,
            emit,
        }
    }

    /// Bytes as they are.
    pub(crate) fn literal(&mut self, mut bytes: &[u8]) -> Result<(), LayerError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.room()));
            self.block.literals.extend_from_slice(now);
            match self.block.pieces.last_mut() {
                Some(Piece::Literal(count)) => *count += now.len(),
                _ => self.block.pieces.push(Piece::Literal(now.len())),
            }
            self.advance(now.len())?;
            bytes = later;
        }
        Ok(())
    }

    /// The whole content of a file.
    pub(crate) fn file(&mut self, source: Source) -> Result<(), LayerError> {
        let source = Arc::new(source);
        let mut offset = 0;
        if source.seen.size == 0 {
            // Opened all the same: whether it may be read, and is empty, shows only then.
            let piece = Piece::File(Arc::clone(&source), 0, 0);
            self.block.pieces.push(piece);
        }
        while offset < source.seen.size {
            let left = usize::try_from(source.seen.size - offset).unwrap_or(usize::MAX);
            let count = left.min(self.room());
            let piece = Piece::File(Arc::clone(&source), offset, count);
            self.block.pieces.push(piece);
            self.advance(count)?;
            offset += count as u64;
        }
        Ok(())
    }

    /// Hands out what is left; an archive without a byte is one empty block.
    pub(crate) fn finish(mut self) -> Result<(), LayerError> {
        if self.block.len > 0 || !self.cut_any {
            self.cut()?;
        }
        Ok(())
    }

    fn room(&self) -> usize {
        BLOCK - self.block.len
    }

    fn advance(&mut self, count: usize) -> Result<(), LayerError> {
        self.block.len += count;
        if self.block.len == BLOCK {
            self.cut()?;
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<(), LayerError> {
        self.cut_any = true;
        (self.emit)(std::mem::take(&mut self.block))
    }
}
