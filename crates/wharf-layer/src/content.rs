//! What goes into one layer.
use crate::LayerError;
use std::{io::Write, path::PathBuf};
use wharf_spec::id::ProcessType;

/// User and group that own the files of a layer in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Numeric user.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
}

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
    /// Writes the layer as an uncompressed archive, closing blocks included.
    pub fn write_tar(&self, out: &mut dyn Write) -> Result<(), LayerError> {
        let _ = out;
        todo!()
    }
}
