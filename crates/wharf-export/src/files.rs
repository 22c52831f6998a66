//! Reading small files with a limit, and writing them whole.
use crate::ExportError;
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};
use wharf_spec::files::parse;

/// Largest TOML file a buildpack may leave.
const MAX_TOML: u64 = 4 << 20;

pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::Io {
        action,
        path,
        source,
    }
}

/// Whether `path` is a directory itself: a link may lead anywhere.
pub(crate) fn is_real_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// The file at `path`, or `None` when there is none. A link is not followed: a parse error quotes the file, and
/// this process can read more than the buildpack that made the link.
pub(crate) fn read_toml<T: serde::de::DeserializeOwned>(
    path: &Path,
) -> Result<Option<T>, ExportError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => {
            return Err(ExportError::NotAFile {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    }
    let file = File::open(path).map_err(failed("read", path))?;
    let mut text = String::new();
    file.take(MAX_TOML + 1)
        .read_to_string(&mut text)
        .map_err(failed("read", path))?;
    if text.len() as u64 > MAX_TOML {
        return Err(ExportError::TooLarge {
            path: path.to_owned(),
            limit: MAX_TOML,
        });
    }
    parse(&text).map(Some).map_err(|source| ExportError::Parse {
        path: path.to_owned(),
        source,
    })
}

/// Copies a file whole. Mode and the modes of new directories do not depend on the umask: they end up in a layer.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), ExportError> {
    let directory = to.parent().unwrap_or(Path::new("/"));
    create_dirs(directory)?;
    let mut source = File::open(from).map_err(failed("read", from))?;
    let mut target = tempfile::Builder::new()
        .prefix(".copy-")
        .tempfile_in(directory)
        .map_err(failed("create a file in", directory))?;
    io::copy(&mut source, &mut target).map_err(failed("copy", from))?;
    target
        .as_file()
        .set_permissions(fs::Permissions::from_mode(0o644))
        .map_err(failed("write", to))?;
    target
        .persist(to)
        .map_err(|error| failed("write", to)(error.error))
        .map(drop)
}

fn create_dirs(path: &Path) -> Result<(), ExportError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_dirs(parent)?;
    }
    fs::DirBuilder::new()
        .mode(0o755)
        .create(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .map_err(failed("create", path))
}
