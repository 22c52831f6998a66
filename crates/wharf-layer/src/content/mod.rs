//! What goes into one layer.
mod archive;
pub(crate) mod block;
mod usage;
pub(crate) mod walk;

use crate::{
    LayerError,
    tar::{Entry, EntryKind},
};
use archive::Archive;
use block::{Block, Cutter};
use std::{io::Write, path::PathBuf};
use walk::Visitor;
use wharf_spec::{id::ProcessType, paths};

/// User and group that own the files of a layer in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Numeric user.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
}

/// Root, who owns the launcher and the process links.
const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// The content of one layer; a pure function of the files it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerContent {
    /// A directory with everything below it, in walk order, after its parents.
    Tree {
        /// Absolute path of the directory; entries carry it.
        root: PathBuf,
        /// Owner of the directory and below; parents keep their own.
        owner: Owner,
    },
    /// Chosen paths of the app, in byte order of whole paths, after the parents of `root`.
    /// Without paths it is the empty archive.
    Paths {
        /// Absolute path of the app directory.
        root: PathBuf,
        /// Absolute paths at or below `root`, without duplicates.
        paths: Vec<PathBuf>,
        /// Owner of the paths; parents of `root` keep their own.
        owner: Owner,
    },
    /// `/cnb/lifecycle/launcher`, owned by root.
    Launcher {
        /// The executable on disk.
        launcher: PathBuf,
    },
    /// Links `/cnb/process/<type>` to the launcher.
    ProcessTypes {
        /// Types in the order their links are written.
        types: Vec<ProcessType>,
    },
}

impl LayerContent {
    /// Writes the layer as an uncompressed archive, closing blocks included, on this thread.
    ///
    /// Sockets are left out; a file with several names is written under each of them.
    pub fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        let mut buffer = Vec::new();
        self.blocks(&mut |block| {
            buffer.resize(block.len(), 0);
            block.render(&mut buffer)?;
            out.write_all(&buffer).map_err(LayerError::Write)
        })
    }

    /// Bytes of the uncompressed archive, by what the file system says; no file is read.
    pub fn archive_size(&self) -> Result<u64, LayerError> {
        let mut size = 0;
        self.blocks(&mut |block| {
            size += block.len() as u64;
            Ok(())
        })?;
        Ok(size)
    }

    /// Describes the archive block by block. What the blocks tell of is read only when they are rendered.
    pub(crate) fn blocks(
        &self,
        emit: &mut dyn FnMut(Block) -> Result<(), LayerError>,
    ) -> Result<(), LayerError> {
        let mut archive = Archive::new(Cutter::new(emit));
        match self {
            Self::Tree { .. } | Self::Paths { .. } => self.visit(&mut archive)?,
            Self::Launcher { launcher } => {
                archive.special(&directory("/cnb"))?;
                archive.special(&directory(paths::LIFECYCLE_DIR))?;
                archive.launcher(launcher)?;
            }
            Self::ProcessTypes { types } => {
                archive.special(&directory("/cnb"))?;
                archive.special(&directory(paths::PROCESS_DIR))?;
                for process_type in types {
                    archive.special(&process_link(process_type))?;
                }
            }
        }
        archive.finish()
    }

    /// Shows the paths on disk, in the order of the archive; what is made up has none.
    pub(crate) fn visit(&self, visitor: &mut dyn Visitor) -> Result<(), LayerError> {
        match self {
            Self::Tree { root, owner } => walk::tree(root, *owner, visitor),
            Self::Paths { root, paths, owner } => walk::paths(root, paths, *owner, visitor),
            Self::Launcher { .. } | Self::ProcessTypes { .. } => Ok(()),
        }
    }
}

fn directory(path: &str) -> Entry {
    Entry {
        name: path.into(),
        kind: EntryKind::Directory,
        mode: 0o755,
        uid: ROOT.uid,
        gid: ROOT.gid,
    }
}

fn process_link(process_type: &ProcessType) -> Entry {
    Entry {
        name: format!("{}/{process_type}", paths::PROCESS_DIR).into(),
        kind: EntryKind::Symlink {
            target: paths::LAUNCHER.into(),
        },
        mode: 0o755,
        uid: ROOT.uid,
        gid: ROOT.gid,
    }
}
