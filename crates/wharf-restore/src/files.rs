//! Small files that appear whole or not at all.
use crate::RestoreError;
use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::Path};

/// Readable by everybody: another user may run the next phase.
const MODE: u32 = 0o644;

pub(crate) fn write(path: &Path, text: &str) -> Result<(), RestoreError> {
    let failed = |source| RestoreError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let directory = path.parent().unwrap_or(Path::new("/"));
    create_dir(directory)?;
    let mut file = tempfile::Builder::new()
        .prefix(".restore-")
        .tempfile_in(directory)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(MODE))
        .map_err(failed)?;
    file.persist(path)
        .map_err(|error| failed(error.error))
        .map(drop)
}

pub(crate) fn create_dir(path: &Path) -> Result<(), RestoreError> {
    fs::create_dir_all(path).map_err(|source| RestoreError::Io {
        action: "create",
        path: path.to_owned(),
        source,
    })
}

/// Removes a file, or a directory with everything below it; missing is fine.
pub(crate) fn remove(path: &Path) -> Result<(), RestoreError> {
    let result = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(RestoreError::Io {
            action: "remove",
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
