//! Removing trees, never through a link.
use super::root::{WALK, is_directory, set_mode};
use rustix::{
    fd::OwnedFd,
    fs::{self, AtFlags, Dir, Mode, OFlags},
    io::Errno,
};
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::Path,
};

/// Removes `name` in `parent`, known as `path`, but for what is to be kept; whether nothing is left.
pub(super) fn tree(
    parent: &OwnedFd,
    name: &OsStr,
    path: &Path,
    keep: &dyn Fn(&Path) -> bool,
) -> Result<bool, Errno> {
    match is_directory(parent, name) {
        Err(Errno::NOENT) => return Ok(true),
        Err(errno) => return Err(errno),
        Ok(true) => {}
        Ok(false) if keep(path) => return Ok(false),
        Ok(false) => {
            return writable(parent, || fs::unlinkat(parent, name, AtFlags::empty()))
                .map(|()| true);
        }
    }
    let directory = fs::openat(parent, name, WALK, Mode::empty())?;
    let emptied = children(&directory, path, keep)?;
    if !emptied || keep(path) {
        return Ok(false);
    }
    writable(parent, || fs::unlinkat(parent, name, AtFlags::REMOVEDIR)).map(|()| true)
}

/// Removes everything in `directory`, known as `path`, but for what is to be kept; whether nothing is left.
pub(super) fn children(
    directory: &OwnedFd,
    path: &Path,
    keep: &dyn Fn(&Path) -> bool,
) -> Result<bool, Errno> {
    let mut emptied = true;
    for name in names(directory)? {
        emptied &= tree(directory, &name, &path.join(&name), keep)?;
    }
    Ok(emptied)
}

fn names(directory: &OwnedFd) -> Result<Vec<OsString>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = || fs::openat(directory, ".", flags, Mode::empty());
    let mut names = Vec::new();
    for entry in Dir::new(writable(directory, open)?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}

/// Once more after the owner gave itself all rights on the directory. Only directories that go away or are emptied
/// come here.
fn writable<T>(directory: &OwnedFd, action: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    match action() {
        Err(Errno::ACCESS) => {
            let mode = fs::fstat(directory)?.st_mode & 0o7777;
            set_mode(directory, mode | 0o700)?;
            action()
        }
        other => other,
    }
}
