//! The destination: everything is opened relative to its file descriptor and stays beneath it.
use super::{dispatch::Dispatch, failed, remove};
use rustix::{
    fd::OwnedFd,
    fs::{
        self, AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid,
    },
    io::Errno,
};
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Directories are only walked through, so the right to read them is not needed.
pub(super) const WALK: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What an entry says about a file beside its content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    pub(super) owner: Option<(u32, u32)>,
    pub(super) time: Option<(i64, u32)>,
}

/// Directories that no entry of the archive describes.
const IMPLIED: Attributes = Attributes {
    mode: 0o755,
    owner: None,
    time: None,
};

/// A directory beneath which files are made.
pub(super) struct Root<'a> {
    fd: Arc<OwnedFd>,
    /// Whether linked directories on the way to an entry are followed, within the root.
    follow: bool,
    has_openat2: bool,
    /// The directory of the last entry: neighbours come one after the other.
    recent: Option<(PathBuf, Arc<OwnedFd>)>,
    /// What directories are to become once everything is in them.
    pending: BTreeMap<PathBuf, Attributes>,
    /// Files that others write meanwhile; none of them is left when something is removed.
    pub(super) dispatch: Dispatch<'a>,
}

impl<'a> Root<'a> {
    pub(super) fn open(
        destination: &Path,
        follow: bool,
        dispatch: Dispatch<'a>,
    ) -> Result<Self, Errno> {
        let created = std::fs::create_dir_all(destination);
        created.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::openat(CWD, destination, flags, Mode::empty())?;
        Ok(Self {
            fd: Arc::new(fd),
            follow,
            has_openat2: true,
            recent: None,
            pending: BTreeMap::new(),
            dispatch,
        })
    }

    /// Makes the directory or keeps the one that is there; attributes that it cannot have yet are set by
    /// [`Root::finish`].
    pub(super) fn make_directory(
        &mut self,
        path: &Path,
        attributes: Attributes,
    ) -> Result<(), Errno> {
        let Some(name) = path.file_name() else {
            self.pending.insert(path.into(), attributes);
            return Ok(());
        };
        let mode = early_mode(attributes, 0o700);
        let parent = self.parent(path)?;
        let made = self.attempt(path, &parent, || fs::mkdirat(&*parent, name, mode));
        match made {
            Err(Errno::EXIST) if !is_directory(&parent, name)? => {
                self.remove(path, &parent, name)?;
                fs::mkdirat(&*parent, name, mode)?;
            }
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        // Most directories are filled next, so this one is opened anyway.
        let directory = self.attempt(path, &parent, || {
            fs::openat(&*parent, name, WALK, Mode::empty())
        })?;
        self.plan(path, &directory, attributes)?;
        self.recent = Some((path.into(), Arc::new(directory)));
        Ok(())
    }

    /// Notes what a directory is to become, unless that is what it is.
    fn plan(
        &mut self,
        path: &Path,
        directory: &OwnedFd,
        attributes: Attributes,
    ) -> Result<(), Errno> {
        let found = fs::fstat(directory)?.st_mode & 0o7777;
        if attributes.owner.is_none() && found == attributes.mode {
            self.pending.remove(path);
        } else {
            self.pending.insert(path.into(), attributes);
        }
        Ok(())
    }

    /// Makes an empty file; what was there is unlinked, not written to.
    pub(super) fn make_file(&mut self, path: &Path, attributes: Attributes) -> Result<File, Errno> {
        self.put(path, |parent, name| create(parent, name, attributes))
            .map(File::from)
    }

    /// Waits for all files that others write, and makes those that they could not.
    pub(super) fn settle(&mut self) {
        for file in self.dispatch.wait() {
            if self.dispatch.flight.is_failed_before(file.entry) {
                return;
            }
            let made = self.make_file(&file.path, file.attributes);
            let made = made.map_err(failed("create file", &file.path));
            if let Err(error) = made.and_then(|made| file.fill(made)) {
                self.dispatch.flight.fail(file.entry, error);
            }
        }
    }

    /// Makes sure that `path` and what leads to it are as they would be if all files had been written one by one.
    pub(super) fn catch_up_with(&mut self, path: &Path) {
        // What is in its place, or above it, is about to be replaced.
        if matches!(&self.recent, Some((recent, _)) if recent.starts_with(path)) {
            self.forget_recent();
        }
        let dispatch = &self.dispatch;
        let parent = path.parent().unwrap_or(Path::new(""));
        let is_recent = self.recent.as_ref().is_some_and(|(path, _)| path == parent);
        let unknown = if is_recent { Path::new("") } else { parent };
        if dispatch.flight.is_disturbed()
            || dispatch.is_full()
            || dispatch.may_hold(path)
            || unknown.ancestors().any(|path| dispatch.may_hold(path))
        {
            self.settle();
        }
    }

    pub(super) fn make_symlink(
        &mut self,
        path: &Path,
        target: &[u8],
        attributes: Attributes,
    ) -> Result<(), Errno> {
        let target = OsStr::from_bytes(target);
        self.put(path, |parent, name| {
            fs::symlinkat(target, parent, name)?;
            let Some((uid, gid)) = attributes.owner else {
                return Ok(());
            };
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            fs::chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
        })
    }

    /// Another name for `target`; false when there is no such file.
    pub(super) fn make_hard_link(&mut self, path: &Path, target: &Path) -> Result<bool, Errno> {
        let directory = target.parent().unwrap_or(Path::new(""));
        let (Some(from), Some(name)) = (self.directory(directory, false)?, target.file_name())
        else {
            return Ok(false);
        };
        let flags = AtFlags::empty();
        let linked = self.put(path, |to, new| fs::linkat(&*from, name, to, new, flags));
        match linked {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Sets the attributes of directories, those deep in the tree first.
    pub(super) fn finish(mut self) -> Result<(), (PathBuf, Errno)> {
        let pending = std::mem::take(&mut self.pending);
        for (path, attributes) in pending.into_iter().rev() {
            let set = match self.directory(&path, false) {
                Ok(Some(directory)) => set_directory(&directory, attributes),
                Ok(None) => Ok(()),
                Err(errno) => Err(errno),
            };
            set.map_err(|errno| (path, errno))?;
        }
        // Directories that had to be opened up on the way to others.
        for (path, attributes) in std::mem::take(&mut self.pending).into_iter().rev() {
            if let Ok(Some(directory)) = self.directory(&path, false) {
                set_directory(&directory, attributes).map_err(|errno| (path, errno))?;
            }
        }
        Ok(())
    }

    /// The directory at `path`. A missing one is made when `create` says so, otherwise it is `None`.
    pub(super) fn directory(
        &mut self,
        path: &Path,
        create: bool,
    ) -> Result<Option<Arc<OwnedFd>>, Errno> {
        if path.as_os_str().is_empty() {
            return Ok(Some(Arc::clone(&self.fd)));
        }
        if let Some((recent, fd)) = &self.recent
            && recent == path
        {
            return Ok(Some(Arc::clone(fd)));
        }
        let found = match self.resolve(path) {
            Some(fd) => Some(fd),
            None => self.walk(path, create)?,
        };
        self.recent = found.clone().map(|fd| (path.to_owned(), fd));
        Ok(found)
    }

    /// Removes what lies at `path` and forgets what was planned for it.
    fn remove(&mut self, path: &Path, parent: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
        self.settle();
        self.forget_recent();
        let below = self.pending.range(path.to_owned()..);
        let below = below.map(|(path, _)| path.clone());
        let gone: Vec<PathBuf> = below.take_while(|other| other.starts_with(path)).collect();
        for path in gone {
            self.pending.remove(&path);
        }
        remove::tree(parent, name, path, &|_| false).map(drop)
    }

    /// Before directories are removed.
    pub(super) fn forget_recent(&mut self) {
        self.recent = None;
    }

    /// Makes something at `path` in place of whatever is there.
    fn put<T>(
        &mut self,
        path: &Path,
        make: impl Fn(&OwnedFd, &OsStr) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let name = path.file_name().ok_or(Errno::EXIST)?;
        let parent = self.parent(path)?;
        match self.attempt(path, &parent, || make(&parent, name)) {
            Err(Errno::EXIST) => {
                self.remove(path, &parent, name)?;
                make(&parent, name)
            }
            other => other,
        }
    }

    pub(super) fn parent(&mut self, path: &Path) -> Result<Arc<OwnedFd>, Errno> {
        let parent = path.parent().unwrap_or(Path::new(""));
        self.directory(parent, true)?.ok_or(Errno::NOENT)
    }

    /// Once more after opening up the directory, when that was all that stood in the way.
    fn attempt<T>(
        &mut self,
        path: &Path,
        parent: &OwnedFd,
        make: impl Fn() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        match make() {
            Err(Errno::ACCESS) => {
                self.open_up(path.parent().unwrap_or(Path::new("")), parent)?;
                make()
            }
            other => other,
        }
    }

    /// Lets the owner write to and search a directory until [`Root::finish`].
    fn open_up(&mut self, path: &Path, directory: &OwnedFd) -> Result<(), Errno> {
        let mode = fs::fstat(directory)?.st_mode & 0o7777;
        set_mode(directory, mode | 0o700)?;
        self.pending.entry(path.into()).or_insert(Attributes {
            mode,
            owner: None,
            time: None,
        });
        Ok(())
    }

    /// In one system call, where the kernel has it and everything is there.
    fn resolve(&mut self, path: &Path) -> Option<Arc<OwnedFd>> {
        if !self.has_openat2 {
            return None;
        }
        let (flags, resolve) = if self.follow {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            (flags, ResolveFlags::IN_ROOT)
        } else {
            (WALK, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
        };
        let resolve = resolve | ResolveFlags::NO_MAGICLINKS;
        match fs::openat2(&*self.fd, path, flags, Mode::empty(), resolve) {
            Ok(fd) => Some(Arc::new(fd)),
            Err(errno) => {
                self.has_openat2 = !matches!(errno, Errno::NOSYS | Errno::PERM);
                None
            }
        }
    }

    /// Component by component, never through a link.
    fn walk(&mut self, path: &Path, create: bool) -> Result<Option<Arc<OwnedFd>>, Errno> {
        let mut current = Arc::clone(&self.fd);
        let mut so_far = PathBuf::new();
        for name in path {
            so_far.push(name);
            match self.step(&current, &so_far, create)? {
                Some(next) => current = next,
                None => return Ok(None),
            }
        }
        Ok(Some(current))
    }

    fn step(
        &mut self,
        current: &OwnedFd,
        path: &Path,
        create: bool,
    ) -> Result<Option<Arc<OwnedFd>>, Errno> {
        let name = path.file_name().ok_or(Errno::NOENT)?;
        let open = || fs::openat(current, name, WALK, Mode::empty());
        match self.attempt(path, current, open) {
            Ok(fd) => return Ok(Some(Arc::new(fd))),
            Err(Errno::NOENT) if create => {}
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                if self.follow {
                    if let Some(linked) = self.resolve(path) {
                        return Ok(Some(linked));
                    }
                    if !self.has_openat2 {
                        return Err(Errno::LOOP);
                    }
                }
                if !create {
                    return Ok(None);
                }
                self.remove(path, current, name)?;
            }
            Err(errno) => return Err(errno),
        }
        let mode = Mode::from_raw_mode(IMPLIED.mode);
        self.attempt(path, current, || fs::mkdirat(current, name, mode))?;
        let directory = open()?;
        self.plan(path, &directory, IMPLIED)?;
        Ok(Some(Arc::new(directory)))
    }
}

/// Makes an empty file that nobody else can change; in most cases with the mode it is to have.
pub(super) fn create(
    parent: &OwnedFd,
    name: &OsStr,
    attributes: Attributes,
) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(parent, name, flags, early_mode(attributes, 0o600))
}

/// The mode of something that is not whole yet: its owner needs the rights `needed`, and nobody else may write to it.
fn early_mode(attributes: Attributes, needed: u32) -> Mode {
    let is_fit = attributes.mode & needed == needed && attributes.mode & !0o755 == 0;
    Mode::from_raw_mode(if is_fit && attributes.owner.is_none() {
        attributes.mode
    } else {
        needed
    })
}

/// Owner, mode and time of an open file; the owner first, for changing it clears setuid.
pub(super) fn set_attributes(file: &File, attributes: Attributes) -> Result<(), Errno> {
    if let Some((uid, gid)) = attributes.owner {
        fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    // Looking is cheaper than setting; the mode depends on the mask of the process and on lists of the directory.
    if fs::fstat(file)?.st_mode & 0o7777 != attributes.mode {
        fs::fchmod(file, Mode::from_raw_mode(attributes.mode))?;
    }
    let Some((seconds, nanoseconds)) = attributes.time else {
        return Ok(());
    };
    let time = || Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds.into(),
    };
    // The access time, too: whoever reads the file afterwards sets it to another.
    let times = Timestamps {
        last_access: time(),
        last_modification: time(),
    };
    fs::futimens(file, &times)
}

fn set_directory(directory: &OwnedFd, attributes: Attributes) -> Result<(), Errno> {
    if let Some((uid, gid)) = attributes.owner {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        fs::chownat(directory, "", uid, gid, AtFlags::EMPTY_PATH)?;
    }
    set_mode(directory, attributes.mode)
}

/// The mode of a directory that is open for walking only.
pub(super) fn set_mode(directory: &OwnedFd, mode: u32) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(mode);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match fs::openat(directory, ".", flags, Mode::empty()) {
        Ok(open) => fs::fchmod(open, mode),
        // Nobody may read it; its owner may still change that.
        Err(Errno::ACCESS) => {
            use std::os::fd::AsRawFd;
            fs::chmod(format!("/proc/self/fd/{}", directory.as_raw_fd()), mode)
        }
        Err(errno) => Err(errno),
    }
}

/// Whether `name` is a directory itself, not a link to one.
pub(super) fn is_directory(parent: &OwnedFd, name: &OsStr) -> Result<bool, Errno> {
    let found = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, os::unix::fs::symlink};

    fn root_without_openat2(destination: &Path, follow: bool) -> Root<'static> {
        let mut root = Root::open(destination, follow, Dispatch::new(None)).unwrap();
        root.has_openat2 = false;
        root
    }

    #[test]
    fn without_openat2_links_are_replaced_as_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("to");
        std::fs::create_dir(&to).unwrap();
        symlink(dir.path(), to.join("link")).unwrap();
        let mut root = root_without_openat2(&to, false);
        for name in ["link/a", "link/b/c"] {
            let mut file = root.make_file(Path::new(name), IMPLIED).unwrap();
            file.write_all(b"inside").unwrap();
        }
        root.finish().unwrap();
        assert_eq!(std::fs::read(to.join("link/a")).unwrap(), b"inside");
        assert_eq!(std::fs::read(to.join("link/b/c")).unwrap(), b"inside");
        assert!(!to.join("link").is_symlink());
        assert!(!dir.path().join("a").exists());
    }

    #[test]
    fn without_openat2_linked_directories_of_an_image_are_not_entered() {
        let dir = tempfile::tempdir().unwrap();
        symlink("usr/lib", dir.path().join("lib")).unwrap();
        let mut root = root_without_openat2(dir.path(), true);
        let error = root.make_file(Path::new("lib/a"), IMPLIED).unwrap_err();
        assert_eq!(error, Errno::LOOP);
        assert!(dir.path().join("lib").is_symlink());
    }
}
