//! Entries one after the other.
use super::{
    Entry, EntryKind,
    header::{CLOSING, blocks, padding},
};
use std::{
    fmt,
    io::{self, Read, Write},
};

/// Bytes copied at once.
const BUFFER: usize = 128 * 1024;

/// Writes entries one after the other.
pub struct TarWriter<W> {
    out: W,
    buffer: Vec<u8>,
}

impl<W> fmt::Debug for TarWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TarWriter").finish_non_exhaustive()
    }
}

impl<W: Write> TarWriter<W> {
    /// Starts an archive.
    pub fn new(out: W) -> Self {
        Self {
            out,
            buffer: vec![0; BUFFER],
        }
    }

    /// Appends an entry; `content` must yield the size of a file, is not read beyond it, and is ignored for other
    /// kinds. Too little content is an error of kind `UnexpectedEof`.
    pub fn append(&mut self, entry: &Entry, content: &mut dyn Read) -> io::Result<()> {
        self.out.write_all(&blocks(entry)?)?;
        if let EntryKind::File { size } = entry.kind {
            self.copy(size, content)?;
        }
        Ok(())
    }

    /// Writes the two closing blocks.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&CLOSING)?;
        Ok(self.out)
    }

    fn copy(&mut self, size: u64, content: &mut dyn Read) -> io::Result<()> {
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER));
            let count = match content.read(&mut self.buffer[..wanted]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.out.write_all(&self.buffer[..count])?;
            left -= count as u64;
        }
        self.out.write_all(padding(size))
    }
}
