//! From paths on disk to the archive.
use super::{
    Owner, ROOT,
    block::{Cutter, Source},
    walk::{Visitor, failed, read_error, unsupported},
};
use crate::{
    LayerError,
    tar::{CLOSING, Entry, EntryKind, header, padding},
};
use rustix::fs::{OFlags, major, minor};
use std::{
    fs::{self, Metadata},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{FileTypeExt, MetadataExt},
    },
    path::Path,
};
use wharf_spec::paths::LAUNCHER;

/// An archive that is being described.
pub(super) struct Archive<'a> {
    out: Cutter<'a>,
}

impl<'a> Archive<'a> {
    pub(super) fn new(out: Cutter<'a>) -> Self {
        Self { out }
    }

    pub(super) fn finish(mut self) -> Result<(), LayerError> {
        self.out.literal(&CLOSING)?;
        self.out.finish()
    }

    /// An entry that has no content.
    pub(super) fn special(&mut self, entry: &Entry) -> Result<(), LayerError> {
        self.out.literal(&header(entry).map_err(LayerError::Write)?)
    }

    /// The launcher, wherever it lies on disk and whoever owns it there.
    pub(super) fn launcher(&mut self, path: &Path) -> Result<(), LayerError> {
        let found = fs::metadata(path).map_err(|error| failed("read launcher", path, error))?;
        if !found.is_file() {
            return Err(unsupported(path, "is not a file"));
        }
        let entry = Entry {
            name: LAUNCHER.into(),
            kind: EntryKind::File { size: found.len() },
            mode: 0o755,
            uid: ROOT.uid,
            gid: ROOT.gid,
        };
        let source = Source::new(path.into(), &found, OFlags::empty());
        self.file(&entry, source, found.len())
    }

    fn file(&mut self, entry: &Entry, source: Source, size: u64) -> Result<(), LayerError> {
        self.special(entry)?;
        self.out.file(source)?;
        self.out.literal(padding(size))
    }
}

impl Visitor for Archive<'_> {
    fn parent(&mut self, path: &Path, found: &Metadata) -> Result<(), LayerError> {
        self.special(&Entry {
            name: path.as_os_str().as_bytes().to_vec(),
            kind: EntryKind::Directory,
            mode: found.mode() & 0o7777,
            uid: found.uid(),
            gid: found.gid(),
        })
    }

    fn path(&mut self, path: &Path, found: &Metadata, owner: Owner) -> Result<(), LayerError> {
        let Some(kind) = kind(path, found)? else {
            return Ok(());
        };
        let is_file = matches!(kind, EntryKind::File { .. });
        let entry = Entry {
            name: path.as_os_str().as_bytes().to_vec(),
            kind,
            mode: found.mode() & 0o7777,
            uid: owner.uid,
            gid: owner.gid,
        };
        if is_file {
            // Should a pipe take the file's place meanwhile, opening it must not wait.
            let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let source = Source::new(path.into(), found, flags);
            self.file(&entry, source, found.len())
        } else {
            self.special(&entry)
        }
    }
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
