//! Files on their way to the disk.
use super::{
    ExtractError,
    block::Piece,
    failed,
    root::{Attributes, create, set_attributes},
};
use rustix::fd::OwnedFd;
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, IoSlice, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Slices that one system call writes; more than a small file ever has.
const SLICES: usize = 8;

/// A file that is at hand as a whole.
#[derive(Debug)]
pub(super) struct SmallFile {
    /// Which entry of the archive this is.
    pub(super) entry: u64,
    pub(super) path: PathBuf,
    /// The directory it belongs into.
    pub(super) parent: Arc<OwnedFd>,
    pub(super) attributes: Attributes,
    pub(super) content: Vec<Piece>,
}

impl SmallFile {
    /// Makes the file; gives it back when that needs more than an empty place in a directory that can be written to.
    pub(super) fn make(self) -> Result<Option<Self>, ExtractError> {
        let Some(name) = self.path.file_name() else {
            return Ok(Some(self));
        };
        match create(&self.parent, name, self.attributes) {
            Ok(file) => self.fill(file.into()).map(|()| None),
            Err(_) => Ok(Some(self)),
        }
    }

    /// Writes the content into the file that was made for it.
    pub(super) fn fill(&self, file: File) -> Result<(), ExtractError> {
        let mut writer = OpenFile::new(file, &self.path);
        match self.content.as_slice() {
            [] => {}
            [only] => writer.write(only.bytes())?,
            pieces => writer.write_all(pieces)?,
        }
        writer.close(self.attributes)
    }

    /// The same file without a hold on blocks.
    pub(super) fn detached(mut self) -> Self {
        for piece in &mut self.content {
            *piece = piece.detached();
        }
        self
    }
}

/// A file of any size, whose pieces are written in order by one thread at a time.
#[derive(Debug)]
pub(super) struct LargeFile {
    pub(super) entry: u64,
    path: PathBuf,
    file: File,
    attributes: Attributes,
    waiting: Mutex<Waiting>,
}

/// What was not written yet.
#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Piece>,
    /// Whether all pieces came.
    whole: bool,
    /// Whether a thread takes care of them.
    attended: bool,
    /// Whether nobody ever will.
    abandoned: bool,
}

impl LargeFile {
    pub(super) fn new(entry: u64, path: &Path, (file, attributes): (File, Attributes)) -> Self {
        Self {
            entry,
            path: path.into(),
            file,
            attributes,
            waiting: Mutex::default(),
        }
    }

    /// Hands over the next piece, or the end. Whether somebody has to be sent to [`Self::write`].
    pub(super) fn push(&self, piece: Option<Piece>) -> bool {
        let mut waiting = self.waiting();
        match piece {
            _ if waiting.abandoned => return false,
            Some(piece) => waiting.pieces.push_back(piece),
            None => waiting.whole = true,
        }
        !std::mem::replace(&mut waiting.attended, true)
    }

    /// Lets go of all pieces, those to come too: somebody may wait for the blocks they are in.
    pub(super) fn abandon(&self) {
        let mut waiting = self.waiting();
        waiting.abandoned = true;
        waiting.pieces.clear();
    }

    /// Writes what waits, and sets the attributes after the last piece.
    pub(super) fn write(&self) -> Result<(), ExtractError> {
        let mut writer = OpenFile::new(&self.file, &self.path);
        loop {
            let piece = {
                let mut waiting = self.waiting();
                let piece = waiting.pieces.pop_front();
                if piece.is_none() && !waiting.whole {
                    waiting.attended = false;
                    return Ok(());
                }
                piece
            };
            match piece {
                Some(piece) => writer.write(piece.bytes())?,
                None => break,
            }
        }
        let set = set_attributes(&self.file, self.attributes);
        set.map_err(failed("set mode, owner or time of", &self.path))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open file whose errors name it.
pub(super) struct OpenFile<'a, F = File> {
    file: F,
    path: &'a Path,
}

impl<'a, F: Write> OpenFile<'a, F> {
    pub(super) fn new(file: F, path: &'a Path) -> Self {
        Self { file, path }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ExtractError> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| self.error(source))
    }

    fn write_all(&mut self, pieces: &[Piece]) -> Result<(), ExtractError> {
        for pieces in pieces.chunks(SLICES) {
            let mut slices = [IoSlice::new(&[]); SLICES];
            for (slice, piece) in slices.iter_mut().zip(pieces) {
                *slice = IoSlice::new(piece.bytes());
            }
            let mut left = &mut slices[..pieces.len()];
            while !left.is_empty() {
                match self.file.write_vectored(left) {
                    Ok(0) => return Err(self.error(io::ErrorKind::WriteZero.into())),
                    Ok(count) => IoSlice::advance_slices(&mut left, count),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(self.error(error)),
                }
            }
        }
        Ok(())
    }

    fn error(&self, source: io::Error) -> ExtractError {
        ExtractError::Write {
            action: "write file",
            path: self.path.into(),
            source,
        }
    }
}

impl OpenFile<'_> {
    pub(super) fn close(self, attributes: Attributes) -> Result<(), ExtractError> {
        let set = set_attributes(&self.file, attributes);
        set.map_err(failed("set mode, owner or time of", self.path))
    }
}
