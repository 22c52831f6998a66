//! Entries of an image layer that take away what lower layers put there (OCI image specification, "Whiteouts").
use super::{Extraction, failed, reader::Member, refused, remove};
use crate::extract::ExtractError;
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Names that old storage drivers used among themselves.
const PRIVATE: &[u8] = b".wh..wh.";

impl Extraction<'_, '_> {
    /// Acts on a whiteout; whether the entry was one. What this archive itself brought stays, whichever came first.
    pub(super) fn whiteout(&mut self, member: &Member, path: &Path) -> Result<bool, ExtractError> {
        let name = path.file_name().map_or(&b""[..], OsStrExt::as_bytes);
        let Some(hidden) = name.strip_prefix(PREFIX) else {
            return Ok(false);
        };
        let parent = path.parent().unwrap_or(Path::new(""));
        let all = name == OPAQUE;
        if !all && name.starts_with(PRIVATE) {
            return Ok(true);
        }
        if !all && matches!(hidden, b"" | b"." | b"..") {
            return Err(refused(&member.name, "is a whiteout of nothing"));
        }
        let hidden = parent.join(OsStr::from_bytes(hidden));
        let what = if all { parent } else { &hidden };
        self.root.forget_recent();
        let removed = self.root.directory(parent, false).and_then(|directory| {
            let (Some(directory), placed) = (directory, &self.placed) else {
                return Ok(());
            };
            let keep = |path: &Path| is_placed(placed, path);
            if all {
                remove::children(&directory, what, &keep).map(drop)
            } else {
                let name = what.file_name().unwrap_or(OsStr::new(""));
                remove::tree(&directory, name, what, &keep).map(drop)
            }
        });
        removed.map_err(failed("remove what is hidden by", path))?;
        Ok(true)
    }
}

/// Whether this archive brought `path` or something below it.
fn is_placed(placed: &BTreeSet<PathBuf>, path: &Path) -> bool {
    let mut from = placed.range(path.to_owned()..);
    from.next().is_some_and(|first| first.starts_with(path))
}
