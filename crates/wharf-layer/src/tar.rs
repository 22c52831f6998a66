//! The archive format of Go's `archive/tar` when only name, type, mode, ids, size, link name and time are set.
use std::io::{self, Read, Write};

/// Modification time of every entry: 1980-01-01T00:00:01Z.
pub const MTIME: u64 = 315_532_801;

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// Regular file of `size` bytes.
    File {
        /// Bytes.
        size: u64,
    },
    /// Directory.
    Directory,
    /// Symbolic link.
    Symlink {
        /// Target, verbatim.
        target: Vec<u8>,
    },
    /// Named pipe.
    Fifo,
    /// Character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// Block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name, verbatim; directories have no trailing slash.
    pub name: Vec<u8>,
    /// Kind.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Numeric user.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
}

/// Writes entries one after the other.
#[derive(Debug)]
pub struct TarWriter<W> {
    out: W,
}

impl<W: Write> TarWriter<W> {
    /// Starts an archive.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Appends an entry; `content` must yield exactly the size of a file and is ignored for other kinds.
    pub fn append(&mut self, entry: &Entry, content: &mut dyn Read) -> io::Result<()> {
        let _ = (entry, content, &mut self.out);
        todo!()
    }

    /// Writes the two closing blocks.
    pub fn finish(self) -> io::Result<W> {
        todo!()
    }
}
