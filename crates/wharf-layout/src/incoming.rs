//! Files that are being written.
use nix::{
    fcntl::{AT_FDCWD, AtFlags, OFlag},
    unistd::linkat,
};
use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};
use tempfile::{Builder, NamedTempFile, TempPath};

/// How names of files begin that are not complete.
const PREFIX: &str = ".incoming-";
/// What the umask takes from.
const MODE: u32 = 0o666;

/// A file that gets its name when it is complete.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// Without a name: it ends with its writer, whatever ends that.
    Unnamed(File),
    /// With a name, where the file system has no others. The writer's lock on it says that the writer lives.
    Named(NamedTempFile),
}

impl Incoming {
    /// In the directory of `path`.
    pub(crate) fn beside(path: &Path) -> io::Result<Self> {
        let directory = directory(path);
        let unnamed = OpenOptions::new()
            .write(true)
            .custom_flags(OFlag::O_TMPFILE.bits())
            .mode(MODE)
            .open(directory);
        match unnamed {
            Ok(file) if fs::symlink_metadata(handle(&file)).is_ok() => Ok(Self::Unnamed(file)),
            // Any other reason to fail stands in the way of a name, too, and is then reported.
            _ => Self::named(directory),
        }
    }

    fn named(directory: &Path) -> io::Result<Self> {
        loop {
            let permissions = Permissions::from_mode(MODE);
            let file = Builder::new()
                .prefix(PREFIX)
                .permissions(permissions)
                .tempfile_in(directory)?;
            file.as_file().lock()?;
            // Before it was locked it looked like one left behind, and may have been swept.
            if file.as_file().metadata()?.nlink() > 0 {
                return Ok(Self::Named(file));
            }
        }
    }

    pub(crate) fn file(&mut self) -> &mut File {
        match self {
            Self::Unnamed(file) => file,
            Self::Named(file) => file.as_file_mut(),
        }
    }

    /// Gives the file, now complete, the name `path`; what has it already is replaced.
    pub(crate) fn persist(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Named(file) => file.persist(path).map(drop).map_err(|error| error.error),
            Self::Unnamed(file) => match link(&file, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let name = temporary_name(&file, directory(path))?;
                    name.persist(path).map_err(|error| error.error)
                }
                other => other,
            },
        }
    }
}

/// Removes what killed writers left in `directory`. Best effort: a file in the way does no harm.
pub(crate) fn sweep(directory: &Path) {
    let entries = directory.read_dir().into_iter().flatten().flatten();
    let left = entries.filter(|entry| {
        let is_incoming = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes());
        is_incoming && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    for entry in left {
        let path = entry.path();
        if let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(&path);
        }
    }
}

/// A name of the file for the moment before it replaces another. Renaming is the only way to do that at once.
fn temporary_name(file: &File, directory: &Path) -> io::Result<TempPath> {
    file.lock()?;
    let named = Builder::new()
        .prefix(PREFIX)
        .make_in(directory, |name| link(file, name))?;
    Ok(named.into_temp_path())
}

fn link(file: &File, path: &Path) -> io::Result<()> {
    let handle = handle(file);
    linkat(
        AT_FDCWD,
        &handle,
        AT_FDCWD,
        path,
        AtFlags::AT_SYMLINK_FOLLOW,
    )?;
    Ok(())
}

fn handle(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names_in(dir: &Path) -> Vec<String> {
        let entries = dir.read_dir().unwrap().map(|entry| entry.unwrap());
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn write(mut incoming: Incoming, text: &str, to: &Path) {
        incoming.file().write_all(text.as_bytes()).unwrap();
        incoming.persist(to).unwrap();
        assert_eq!(fs::read_to_string(to).unwrap(), text);
    }

    #[test]
    fn a_file_gets_its_name_or_takes_that_of_another_with_and_without_one_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("blob");
        let unnamed = || Incoming::beside(&to).unwrap();
        let named = || Incoming::named(dir.path()).unwrap();
        assert!(matches!(unnamed(), Incoming::Unnamed(_)));
        let mut modes = Vec::new();
        for first in [&unnamed as &dyn Fn() -> Incoming, &named] {
            write(first(), "first", &to);
            modes.push(to.metadata().unwrap().mode());
            write(unnamed(), "unnamed", &to);
            write(named(), "named", &to);
            assert_eq!(names_in(dir.path()), ["blob"]);
            fs::remove_file(&to).unwrap();
        }
        assert_eq!(modes[0], modes[1]);
    }

    #[test]
    fn what_no_living_writer_owns_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let alive = Incoming::named(dir.path()).unwrap();
        let before = names_in(dir.path());
        for name in [".incoming-dead", "blob"] {
            fs::write(dir.path().join(name), "half").unwrap();
        }
        sweep(dir.path());
        assert_eq!(
            names_in(dir.path()),
            [before, vec!["blob".to_owned()]].concat()
        );
        write(alive, "whole", &dir.path().join("other"));
        assert_eq!(names_in(dir.path()), ["blob", "other"]);
    }
}
