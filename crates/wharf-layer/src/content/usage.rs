//! Whether somebody read the files of a layer.
use super::{LayerContent, Owner, walk::Visitor};
use crate::{LayerError, tar::MTIME};
use std::{fs::Metadata, os::unix::fs::MetadataExt, path::Path};

impl LayerContent {
    /// Whether any file was read or made since it was extracted: [`extract`](crate::extract) gives files the access time of
    /// the archive, and reading gives them the present one. File systems that keep no access times say no.
    pub fn was_read(&self) -> Result<bool, LayerError> {
        let mut usage = Usage { was_read: false };
        match self.visit(&mut usage) {
            Err(_) if usage.was_read => Ok(true),
            visited => visited.map(|()| false),
        }
    }
}

struct Usage {
    was_read: bool,
}

impl Visitor for Usage {
    fn parent(&mut self, _: &Path, _: &Metadata) -> Result<(), LayerError> {
        Ok(())
    }

    fn path(&mut self, path: &Path, found: &Metadata, _: Owner) -> Result<(), LayerError> {
        let archived = i64::try_from(MTIME).unwrap_or(i64::MAX);
        if found.is_file() && found.atime() > archived {
            self.was_read = true;
            // One is enough; nothing else is looked at.
            return Err(super::walk::changed(path));
        }
        Ok(())
    }
}
