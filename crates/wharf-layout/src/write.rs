//! Blobs and indexes written so that nobody sees them half, and that nothing stays behind when the writer is killed.
use crate::incoming::Incoming;
use nix::fcntl::{Flock, FlockArg};
use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write},
    path::Path,
};

/// Bytes that are copied at once.
const BUFFER: usize = 256 * 1024;

/// Writes a blob to `path`: all of `content`, which verifies itself, or nothing. It is not synced: whoever reads it
/// compares it with its name, and a half one is written anew.
pub(crate) fn blob(path: &Path, content: impl Read) -> io::Result<()> {
    let mut incoming = Incoming::beside(path)?;
    let mut content = BufReader::with_capacity(BUFFER, content);
    io::copy(&mut content, incoming.file())?;
    incoming.persist(path)
}

/// Replaces a small file.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut incoming = Incoming::beside(path)?;
    incoming.file().write_all(bytes)?;
    incoming.file().sync_all()?;
    incoming.persist(path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Gives a file a second name; where the file system or the kernel's link protection says no, `false`.
pub(crate) fn link(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::CrossesDevices
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::Unsupported
            | io::ErrorKind::TooManyLinks => Ok(false),
            _ => Err(error),
        },
    }
}

/// Waits for the lock of a directory, which ends with the value.
pub(crate) fn lock(dir: &Path) -> io::Result<Flock<File>> {
    Flock::lock(File::open(dir)?, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
}
