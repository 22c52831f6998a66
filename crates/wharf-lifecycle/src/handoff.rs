//! Files that one phase leaves for the next: read with limits, written at once.
use std::{
    fmt, fs,
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use wharf_spec::{
    encode::EncodeError,
    files::{self, ParseError},
};

/// A file of the specification, as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileKind {
    /// What it is called.
    pub name: &'static str,
    /// Where it comes from, for whoever lacks it.
    pub hint: &'static str,
    /// Largest size in bytes.
    pub limit: u64,
}

const MEBIBYTE: u64 = 1024 * 1024;

macro_rules! kinds {
    ($($name:ident = $file:literal, $mebibytes:literal, $hint:literal;)*) => {
        $(pub(crate) const $name: FileKind = FileKind {
            name: $file,
            hint: $hint,
            limit: $mebibytes * MEBIBYTE,
        };)*
    };
}

kinds! {
    ANALYZED = "analyzed", 16, "the analyzer writes it; run it first or give its path with -analyzed";
    GROUP = "buildpack group", 4, "the detector writes it; run it first or give its path with -group";
    PLAN = "plan", 4, "the detector writes it; run it first or give its path with -plan";
    METADATA = "build metadata", 16, "the builder writes it; run it first";
    ORDER = "order", 4, "the builder image holds it; give its path with -order";
    SYSTEM = "system buildpacks", 1, "the builder image holds it; give its path with -system";
    RUN = "run images", 1, "the builder image holds it; give its path with -run";
    STACK = "stack", 1, "the builder image holds it; give its path with -stack";
    PROJECT_METADATA = "project metadata", 4, "the platform writes it; give its path with -project-metadata";
    FINGERPRINTS = "fingerprints", 64, "the restorer writes it";
    REPORT = "report", 16, "give its path with -report";
}

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{action} {} '{}'", kind.name, path.display())]
pub struct HandoffError {
    /// "read", "parse" or "write".
    pub action: &'static str,
    /// Which file.
    pub kind: FileKind,
    /// Where it is.
    pub path: PathBuf,
    /// What went wrong.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is not there.
    #[error("there is no such file; {hint}")]
    Missing {
        /// What to do.
        hint: &'static str,
    },
    /// It is a directory, a device …
    #[error("it is not a regular file")]
    NotAFile,
    /// It is larger than any such file may be.
    #[error("it is too large, it has more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It is not text.
    #[error("it is not UTF-8, byte {at} is the first that is not")]
    NotText {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// It is not the TOML it should be. Names line and column.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It has no text form.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a file that must be there.
pub(crate) fn load<T: serde::de::DeserializeOwned>(
    kind: FileKind,
    path: &Path,
) -> Result<T, HandoffError> {
    load_with(kind, path, files::parse)
}

/// Reads a file that must be there, with a parser of its own.
pub(crate) fn load_with<T>(
    kind: FileKind,
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, ParseError>,
) -> Result<T, HandoffError> {
    load_optional_with(kind, path, parse)?.ok_or_else(|| HandoffError {
        action: "read",
        kind,
        path: path.to_owned(),
        problem: Problem::Missing { hint: kind.hint },
    })
}

/// Reads a file that may be missing.
pub(crate) fn load_optional<T: serde::de::DeserializeOwned>(
    kind: FileKind,
    path: &Path,
) -> Result<Option<T>, HandoffError> {
    load_optional_with(kind, path, files::parse)
}

fn load_optional_with<T>(
    kind: FileKind,
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, ParseError>,
) -> Result<Option<T>, HandoffError> {
    let failed = |action, problem| HandoffError {
        action,
        kind,
        path: path.to_owned(),
        problem,
    };
    let text = match read_text(path, kind.limit) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(None),
        Err(problem) => return Err(failed("read", problem)),
    };
    parse(&text)
        .map(Some)
        .map_err(|error| failed("parse", Problem::Parse(error)))
}

fn read_text(path: &Path, limit: u64) -> Result<Option<String>, Problem> {
    // Opening a pipe would wait for its other end.
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
        Ok(metadata) if !metadata.is_file() => return Err(Problem::NotAFile),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(limit + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(Problem::TooLarge { limit });
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| Problem::NotText {
            at: error.utf8_error().valid_up_to(),
        })
}

/// Writes a file with mode 0644, directories on the way included. Readers see the old content or the new one.
pub(crate) fn save(
    kind: FileKind,
    path: &Path,
    text: Result<String, EncodeError>,
) -> Result<(), HandoffError> {
    let write = || -> Result<(), Problem> { Ok(write_atomic(path, &text?)?) };
    write().map_err(|problem| HandoffError {
        action: "write",
        kind,
        path: path.to_owned(),
        problem,
    })
}

fn write_atomic(path: &Path, text: &str) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if let Ok(metadata) = fs::metadata(path) {
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return fs::OpenOptions::new()
                .write(true)
                .open(path)?
                .write_all(text.as_bytes());
        }
    }
    fs::create_dir_all(directory)?;
    match replace(directory, path, text) {
        // The file alone is ours: mounted into the container, or in a directory of somebody else.
        Err(error) if in_place_may_do(&error) && path.is_file() => fs::write(path, text),
        other => other,
    }
}

fn in_place_may_do(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(
        error.kind(),
        PermissionDenied | ReadOnlyFilesystem | ResourceBusy
    )
}

fn replace(directory: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".wharf-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    // The mode of a new file goes through the umask.
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o644))?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::chain;
    use wharf_spec::{encode::toml_text, files::group::Group};

    #[test]
    fn errors_name_file_line_and_column_and_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("group.toml");
        let fault = |content: Option<&[u8]>| {
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
            }
            chain(&load::<Group>(GROUP, &path).unwrap_err())
        };
        let shown = path.display();
        assert_eq!(
            fault(None),
            format!(
                "read buildpack group '{shown}': there is no such file; the detector writes it; run it first or give its path with -group"
            )
        );
        assert_eq!(
            fault(Some(b"\xff")),
            format!(
                "read buildpack group '{shown}': it is not UTF-8, byte 0 is the first that is not"
            )
        );
        let large = vec![b'#'; 4 * 1024 * 1024 + 1];
        assert_eq!(
            fault(Some(&large)),
            format!(
                "read buildpack group '{shown}': it is too large, it has more than 4194304 bytes"
            )
        );
        let text = fault(Some(b"[[group]]\nid = 7\n"));
        assert!(
            text.starts_with(&format!(
                "parse buildpack group '{shown}': TOML parse error at line 2, column 6"
            )),
            "{text}"
        );
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(
            fault(None),
            format!("read buildpack group '{shown}': it is not a regular file")
        );
    }

    #[test]
    fn saving_makes_directories_sets_the_mode_and_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/group.toml");
        save(GROUP, &path, toml_text(&Group::default())).unwrap();
        save(GROUP, &path, Ok("# new\n".to_owned())).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "# new\n");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o644);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_in_the_way_is_an_error_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let error = save(REPORT, dir.path(), Ok(String::new())).unwrap_err();
        assert_eq!(
            chain(&error),
            format!("write report '{}': is a directory", dir.path().display())
        );
    }
}
