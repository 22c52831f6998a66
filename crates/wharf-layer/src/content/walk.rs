//! Which paths go into a layer, in which order.
use super::Owner;
use crate::LayerError;
use rustix::io::Errno;
use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
    vec,
};

/// What is done with each path of a layer, in the order of the archive.
pub(crate) trait Visitor {
    /// A directory above the root of the layer, as it is: links followed, owner kept.
    fn parent(&mut self, path: &Path, found: &Metadata) -> Result<(), LayerError>;

    /// A path of the layer itself, links not followed.
    fn path(&mut self, path: &Path, found: &Metadata, owner: Owner) -> Result<(), LayerError>;
}

/// Parents of `root`, then `root` and everything below, depth first, each directory in byte order of its names.
///
/// A directory is read when its turn comes: memory is bounded by the largest directories, not by the tree.
pub(crate) fn tree(root: &Path, owner: Owner, visitor: &mut dyn Visitor) -> Result<(), LayerError> {
    let mut path = checked_root(root)?;
    parents(&path, visitor)?;
    visitor.path(&path, &metadata(&path)?, owner)?;
    let mut open = vec![sorted_names(&path)?];
    while let Some(names) = open.last_mut() {
        let Some(name) = names.next() else {
            open.pop();
            path.pop();
            continue;
        };
        path.push(name);
        let found = metadata(&path)?;
        visitor.path(&path, &found, owner)?;
        if found.is_dir() {
            open.push(sorted_names(&path)?);
        } else {
            path.pop();
        }
    }
    Ok(())
}

/// Parents of `root`, then `paths` in byte order, without what is below them.
pub(crate) fn paths(
    root: &Path,
    paths: &[PathBuf],
    owner: Owner,
    visitor: &mut dyn Visitor,
) -> Result<(), LayerError> {
    if paths.is_empty() {
        return Ok(());
    }
    let root = checked_root(root)?;
    parents(&root, visitor)?;
    let mut sorted: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    sorted.sort_unstable_by_key(|path| path.as_os_str().as_bytes());
    for path in sorted {
        if !path.starts_with(&root) {
            return Err(unsupported(path, "is not below the app directory"));
        }
        visitor.path(path, &metadata(path)?, owner)?;
    }
    Ok(())
}

/// The directories above `root`; `/` itself is not one of them.
fn parents(root: &Path, visitor: &mut dyn Visitor) -> Result<(), LayerError> {
    let mut parents: Vec<&Path> = root.ancestors().skip(1).collect();
    parents.pop();
    for parent in parents.into_iter().rev() {
        let found = fs::metadata(parent).map_err(|error| failed("read", parent, error))?;
        visitor.parent(parent, &found)?;
    }
    Ok(())
}

fn metadata(path: &Path) -> Result<Metadata, LayerError> {
    fs::symlink_metadata(path).map_err(|error| read_error(path, error))
}

/// The absolute path of a directory that is really one, without `.` and doubled slashes.
pub(crate) fn checked_root(root: &Path) -> Result<PathBuf, LayerError> {
    let parent = |component| component == Component::ParentDir;
    if !root.is_absolute() || root.components().any(parent) {
        return Err(unsupported(root, "is not an absolute path without '..'"));
    }
    let root: PathBuf = root.components().collect();
    if root.parent().is_none() {
        return Err(unsupported(&root, "is the root of the file system"));
    }
    let metadata =
        fs::symlink_metadata(&root).map_err(|error| failed("read directory", &root, error))?;
    if metadata.is_symlink() {
        return Err(unsupported(
            &root,
            "is a symbolic link, a layer must be a directory",
        ));
    }
    if !metadata.is_dir() {
        return Err(unsupported(&root, "is not a directory"));
    }
    Ok(root)
}

/// The names in a directory in byte order.
pub(crate) fn sorted_names(directory: &Path) -> Result<vec::IntoIter<OsString>, LayerError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| read_error(directory, error))? {
        let entry = entry.map_err(|error| read_error(directory, error))?;
        names.push(entry.file_name());
    }
    names.sort_unstable();
    Ok(names.into_iter())
}

/// What was there a moment ago is gone or something else: that is a change, not a missing file.
pub(crate) fn read_error(path: &Path, error: io::Error) -> LayerError {
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::INVAL | Errno::NXIO) => {
            changed(path)
        }
        _ => failed("read", path, error),
    }
}

pub(crate) fn changed(path: &Path) -> LayerError {
    LayerError::Changed { path: path.into() }
}

pub(crate) fn failed(action: &'static str, path: &Path, source: io::Error) -> LayerError {
    LayerError::Io {
        action,
        path: path.into(),
        source,
    }
}

pub(crate) fn unsupported(path: &Path, reason: &'static str) -> LayerError {
    LayerError::Unsupported {
        path: path.into(),
        reason,
    }
}
