//! Hands directories over to the user of the build image, where that is needed.
use nix::{
    dir::{Dir, Type},
    errno::Errno,
    fcntl::{AtFlags, OFlag},
    sys::stat::Mode,
    unistd::{Gid, Uid, fchownat},
};
use std::{
    ffi::{CStr, OsStr},
    fs, io,
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
};
use wharf_layer::Owner;

/// A directory that cannot be handed over.
#[derive(Debug, thiserror::Error)]
#[error("{action} '{}'", path.display())]
pub struct OwnershipError {
    /// What was tried.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why it failed.
    #[source]
    pub source: io::Error,
}

/// Changes the owner of everything in `directory` unless `owner` can write it already. A directory that is not there
/// is none of our business.
pub(crate) fn hand_over(directory: &Path, owner: Owner) -> Result<(), OwnershipError> {
    let failed = |action, source: io::Error| OwnershipError {
        action,
        path: directory.to_owned(),
        source,
    };
    let metadata = match fs::metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at", error)),
        Ok(metadata) => metadata,
    };
    if is_writable(metadata.uid(), metadata.gid(), metadata.mode(), owner) {
        return Ok(());
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut opened = Dir::open(directory, flags, Mode::empty())
        .map_err(|errno| failed("open directory", errno.into()))?;
    nix::unistd::fchown(opened.as_fd(), Some(user(owner)), Some(group(owner)))
        .map_err(|errno| failed("change owner of", errno.into()))?;
    change_entries(&mut opened, directory, owner)
}

/// The reference's rule: owner matches, or group matches and may write, or all may write.
fn is_writable(uid: u32, gid: u32, mode: u32, owner: Owner) -> bool {
    uid == owner.uid || (gid == owner.gid && mode & 0o020 != 0) || mode & 0o002 != 0
}

/// Links are never followed: what is below may have been put there by anybody.
fn change_entries(directory: &mut Dir, path: &Path, owner: Owner) -> Result<(), OwnershipError> {
    let failed = |action, path: PathBuf, errno: Errno| OwnershipError {
        action,
        path,
        source: errno.into(),
    };
    let mut entries = Vec::new();
    for entry in directory.iter() {
        let entry = entry.map_err(|errno| failed("list", path.to_owned(), errno))?;
        entries.push((entry.file_name().to_owned(), entry.file_type()));
    }
    let is_self = |name: &CStr| matches!(name.to_bytes(), b"." | b"..");
    for (name, kind) in entries.iter().filter(|(name, _)| !is_self(name)) {
        let entry = path.join(OsStr::from_bytes(name.to_bytes()));
        fchownat(
            directory.as_fd(),
            name.as_c_str(),
            Some(user(owner)),
            Some(group(owner)),
            AtFlags::AT_SYMLINK_NOFOLLOW,
        )
        .map_err(|errno| failed("change owner of", entry.clone(), errno))?;
        if !matches!(kind, Some(Type::Directory) | None) {
            continue;
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match Dir::openat(directory.as_fd(), name.as_c_str(), flags, Mode::empty()) {
            Ok(mut below) => change_entries(&mut below, &entry, owner)?,
            // Not a directory after all.
            Err(Errno::ENOTDIR | Errno::ELOOP) => {}
            Err(errno) => return Err(failed("open directory", entry, errno)),
        }
    }
    Ok(())
}

fn user(owner: Owner) -> Uid {
    Uid::from_raw(owner.uid)
}

fn group(owner: Owner) -> Gid {
    Gid::from_raw(owner.gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner {
        uid: 1000,
        gid: 1001,
    };

    #[test]
    fn a_directory_the_user_can_write_is_left_alone() {
        assert!(is_writable(1000, 0, 0o755, OWNER));
        assert!(is_writable(0, 1001, 0o775, OWNER));
        assert!(is_writable(0, 0, 0o777, OWNER));
        assert!(!is_writable(0, 1001, 0o755, OWNER));
        assert!(!is_writable(0, 0, 0o770, OWNER));
    }

    #[test]
    fn a_missing_directory_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        hand_over(&dir.path().join("none"), OWNER).unwrap();
    }
}
