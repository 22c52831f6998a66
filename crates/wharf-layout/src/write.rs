//! Blobs and indexes written so that nobody sees them half.
use nix::fcntl::{Flock, FlockArg};
use std::{
    fs::{self, File, Permissions},
    io::{self, BufReader, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use tempfile::{Builder, NamedTempFile};

/// Bytes that are copied at once.
const BUFFER: usize = 256 * 1024;

/// Writes a blob to `path`: all of `content`, which verifies itself, or nothing.
pub(crate) fn blob(path: &Path, content: impl Read) -> io::Result<()> {
    let mut file = temporary(path)?;
    let mut content = BufReader::with_capacity(BUFFER, content);
    io::copy(&mut content, file.as_file_mut())?;
    persist(file, path)
}

/// Replaces a small file.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = temporary(path)?;
    file.write_all(bytes)?;
    persist(file, path)?;
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

/// A file beside `path` with the permissions that the umask leaves.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    Builder::new()
        .prefix(".incoming-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(path.parent().unwrap_or(Path::new(".")))
}

fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
