//! From files on disk to archive entries.
use super::{Owner, ROOT};
use crate::{
    LayerError,
    tar::{Entry, EntryKind, TarWriter},
};
use rustix::{
    fs::{OFlags, major, minor},
    io::Errno,
};
use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    },
    path::{Component, Path, PathBuf},
    vec,
};
use wharf_spec::paths::LAUNCHER;

/// An archive that is being filled from disk.
pub(super) struct Archive<'a> {
    writer: TarWriter<&'a mut dyn Write>,
}

impl<'a> Archive<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            writer: TarWriter::new(out),
        }
    }

    pub(super) fn finish(self) -> Result<(), LayerError> {
        self.writer.finish().map(drop).map_err(LayerError::Write)
    }

    /// An entry that has no file on disk and no content.
    pub(super) fn special(&mut self, entry: &Entry) -> Result<(), LayerError> {
        let written = self.writer.append(entry, &mut io::empty());
        written.map_err(LayerError::Write)
    }

    /// The launcher, wherever it lies on disk and whoever owns it there.
    pub(super) fn launcher(&mut self, path: &Path) -> Result<(), LayerError> {
        let mut content = Content::open(path, OFlags::empty())
            .map_err(|error| failed("read launcher", path, error))?;
        if !content.before.is_file() {
            return Err(unsupported(path, "is not a file"));
        }
        let entry = Entry {
            name: LAUNCHER.into(),
            kind: EntryKind::File {
                size: content.before.len(),
            },
            mode: 0o755,
            uid: ROOT.uid,
            gid: ROOT.gid,
        };
        self.file(&entry, &mut content)
    }

    /// Parents of `root`, then `root` and everything below, depth first, each directory in byte order of its names.
    pub(super) fn tree(&mut self, root: &Path, owner: Owner) -> Result<(), LayerError> {
        let mut path = checked_root(root)?;
        self.parents(&path)?;
        self.path(&path, owner)?;
        let mut open = vec![sorted_names(&path)?];
        while let Some(names) = open.last_mut() {
            let Some(name) = names.next() else {
                open.pop();
                path.pop();
                continue;
            };
            path.push(name);
            if self.path(&path, owner)?.is_dir() {
                open.push(sorted_names(&path)?);
            } else {
                path.pop();
            }
        }
        Ok(())
    }

    /// Parents of `root`, then `paths` without what is below them.
    pub(super) fn paths(
        &mut self,
        root: &Path,
        paths: &[PathBuf],
        owner: Owner,
    ) -> Result<(), LayerError> {
        if paths.is_empty() {
            return Ok(());
        }
        let root = checked_root(root)?;
        self.parents(&root)?;
        let mut sorted: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        sorted.sort_unstable_by_key(|path| path.as_os_str().as_bytes());
        for path in sorted {
            if !path.starts_with(&root) {
                return Err(unsupported(path, "is not below the app directory"));
            }
            self.path(path, owner)?;
        }
        Ok(())
    }

    /// The directories above `root`, as they are: links followed, owners kept. `/` itself is not written.
    fn parents(&mut self, root: &Path) -> Result<(), LayerError> {
        let mut parents: Vec<&Path> = root.ancestors().skip(1).collect();
        parents.pop();
        for parent in parents.into_iter().rev() {
            let metadata = fs::metadata(parent).map_err(|error| failed("read", parent, error))?;
            self.special(&Entry {
                name: parent.as_os_str().as_bytes().to_vec(),
                kind: EntryKind::Directory,
                mode: metadata.mode() & 0o7777,
                uid: metadata.uid(),
                gid: metadata.gid(),
            })?;
        }
        Ok(())
    }

    /// One path, whatever it is; returns what was found there.
    fn path(&mut self, path: &Path, owner: Owner) -> Result<Metadata, LayerError> {
        let mut found = fs::symlink_metadata(path).map_err(|error| read_error(path, error))?;
        let mut content = None;
        if found.is_file() {
            let opened = Content::open(path, OFlags::NOFOLLOW | OFlags::NONBLOCK)
                .map_err(|error| read_error(path, error))?;
            if !opened.before.is_file() || identity(&opened.before) != identity(&found) {
                return Err(changed(path));
            }
            found = opened.before.clone();
            content = Some(opened);
        }
        let Some(kind) = kind(path, &found)? else {
            return Ok(found);
        };
        let entry = Entry {
            name: path.as_os_str().as_bytes().to_vec(),
            kind,
            mode: found.mode() & 0o7777,
            uid: owner.uid,
            gid: owner.gid,
        };
        match content {
            Some(mut content) => self.file(&entry, &mut content)?,
            None => self.special(&entry)?,
        }
        Ok(found)
    }

    fn file(&mut self, entry: &Entry, content: &mut Content<'_>) -> Result<(), LayerError> {
        let written = self.writer.append(entry, content);
        if let Some(failure) = content.failure.take() {
            return Err(failure);
        }
        written.map_err(LayerError::Write)?;
        content.check_unchanged()
    }
}

/// A file that is being read; remembers why reading failed, so that it is told apart from failed writing.
struct Content<'a> {
    path: &'a Path,
    file: File,
    before: Metadata,
    failure: Option<LayerError>,
}

impl<'a> Content<'a> {
    fn open(path: &'a Path, flags: OFlags) -> io::Result<Self> {
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)?;
        let before = file.metadata()?;
        Ok(Self {
            path,
            file,
            before,
            failure: None,
        })
    }

    /// After the last byte: nothing was appended, and nobody wrote into what was read.
    fn check_unchanged(&mut self) -> Result<(), LayerError> {
        let read_failed = |error| failed("read", self.path, error);
        let rest = self.file.read(&mut [0]).map_err(read_failed)?;
        let after = self.file.metadata().map_err(read_failed)?;
        let state = |metadata: &Metadata| (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        if rest == 0 && state(&after) == state(&self.before) {
            Ok(())
        } else {
            Err(changed(self.path))
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.file.read(buffer) {
            Ok(0) if !buffer.is_empty() => {
                self.failure = Some(changed(self.path));
                Ok(0)
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.failure = Some(failed("read", self.path, error));
                Err(io::ErrorKind::Other.into())
            }
            other => other,
        }
    }
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

/// `None` for a socket, which no archive can hold.
fn kind(path: &Path, found: &Metadata) -> Result<Option<EntryKind>, LayerError> {
    let file_type = found.file_type();
    let (major, minor) = (major(found.rdev()), minor(found.rdev()));
    Ok(Some(if file_type.is_file() {
        EntryKind::File { size: found.len() }
    } else if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_symlink() {
        let target = fs::read_link(path).map_err(|error| read_error(path, error))?;
        EntryKind::Symlink {
            target: target.into_os_string().into_vec(),
        }
    } else if file_type.is_fifo() {
        EntryKind::Fifo
    } else if file_type.is_char_device() {
        EntryKind::CharDevice { major, minor }
    } else if file_type.is_block_device() {
        EntryKind::BlockDevice { major, minor }
    } else {
        return Ok(None);
    }))
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// What was there a moment ago is gone or something else: that is a change, not a missing file.
fn read_error(path: &Path, error: io::Error) -> LayerError {
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::INVAL | Errno::NXIO) => {
            changed(path)
        }
        _ => failed("read", path, error),
    }
}

fn changed(path: &Path) -> LayerError {
    LayerError::Changed { path: path.into() }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> LayerError {
    LayerError::Io {
        action,
        path: path.into(),
        source,
    }
}

fn unsupported(path: &Path, reason: &'static str) -> LayerError {
    LayerError::Unsupported {
        path: path.into(),
        reason,
    }
}
