//! Directory trees, copied and removed whatever their modes.
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, ioctl_ficlone, utimensat};
use std::{
    fs::{self, DirEntry, File, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

/// A tree that could not be copied or removed.
#[derive(Debug, thiserror::Error)]
#[error("{action} '{}'", path.display())]
pub struct TreeError {
    /// What was tried.
    pub action: &'static str,
    /// The path.
    pub path: PathBuf,
    /// Why it failed.
    #[source]
    pub source: io::Error,
}

fn on<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<T, TreeError> {
    result.map_err(|source| TreeError {
        action,
        path: path.into(),
        source,
    })
}

/// Copies the content of directory `source` into the directory `destination`, which is made when missing: modes and
/// modification times included, blocks shared where the file system can. Sockets and devices are left out, and so
/// is every path for which `wanted` (path below `source`, whether a directory) says no.
pub fn copy(
    source: &Path,
    destination: &Path,
    wanted: &mut dyn FnMut(&Path, bool) -> bool,
) -> Result<(), TreeError> {
    on("create", destination, fs::create_dir_all(destination))?;
    copy_below(source, destination, Path::new(""), wanted)
}

fn copy_below(
    source: &Path,
    destination: &Path,
    relative: &Path,
    wanted: &mut dyn FnMut(&Path, bool) -> bool,
) -> Result<(), TreeError> {
    for entry in entries(&source.join(relative))? {
        let path = relative.join(entry.file_name());
        let (from, to) = (source.join(&path), destination.join(&path));
        let metadata = on("read", &from, entry.metadata())?;
        if !wanted(&path, metadata.is_dir()) {
            continue;
        }
        if metadata.is_dir() {
            // Writable until its content is there.
            on("create", &to, fs::create_dir(&to))?;
            copy_below(source, destination, &path, wanted)?;
            let permissions = Permissions::from_mode(metadata.mode() & 0o7777);
            on("set mode of", &to, fs::set_permissions(&to, permissions))?;
            set_time(&to, &metadata)?;
        } else if metadata.is_symlink() {
            let link = on("read", &from, fs::read_link(&from))?;
            on("create", &to, symlink(link, &to))?;
        } else if metadata.is_file() {
            copy_file(&from, &to, &metadata)?;
        }
    }
    Ok(())
}

fn entries(dir: &Path) -> Result<Vec<DirEntry>, TreeError> {
    let mut entries = on(
        "read",
        dir,
        fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>),
    )?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

fn copy_file(from: &Path, to: &Path, metadata: &Metadata) -> Result<(), TreeError> {
    let mut source = on("read", from, File::open(from))?;
    let create = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to);
    let mut target = on("create", to, create)?;
    if ioctl_ficlone(&target, &source).is_err() {
        on("copy", from, io::copy(&mut source, &mut target))?;
    }
    let permissions = Permissions::from_mode(metadata.mode() & 0o7777);
    on("set mode of", to, target.set_permissions(permissions))?;
    set_time(to, metadata)
}

fn set_time(path: &Path, metadata: &Metadata) -> Result<(), TreeError> {
    let time = Timespec {
        tv_sec: metadata.mtime(),
        tv_nsec: metadata.mtime_nsec(),
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    let set = utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
    on("set time of", path, set.map_err(io::Error::from))
}

/// Removes `path` and everything below it, directories without permissions included. Links are not followed; a missing
/// path is fine.
pub fn remove(path: &Path) -> Result<(), TreeError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => on("read", path, Err(error)),
        Ok(metadata) if metadata.is_dir() => remove_dir(path, &metadata),
        Ok(_) => on("remove", path, fs::remove_file(path)),
    }
}

fn remove_dir(path: &Path, metadata: &Metadata) -> Result<(), TreeError> {
    if metadata.mode() & 0o700 != 0o700 {
        let permissions = Permissions::from_mode(0o700);
        on("set mode of", path, fs::set_permissions(path, permissions))?;
    }
    for entry in entries(path)? {
        remove(&entry.path())?;
    }
    on("remove", path, fs::remove_dir(path))
}
