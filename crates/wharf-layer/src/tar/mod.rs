//! The archive format of Go's `archive/tar` when only name, type, mode, ids, size, link name and time are set.
//!
//! Equal bytes are equal diff IDs: the first rebuild after a switch from the reference lifecycle uploads nothing
//! that is already there. The choice between USTAR, PAX and GNU headers is made entry by entry in `header`.
mod header;
mod writer;

pub(crate) use header::{CLOSING, blocks as header, padding};
pub use writer::TarWriter;

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
