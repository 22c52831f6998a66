//! Scripts in a temporary directory.
use std::{
    fs::{self, Permissions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};
use tempfile::TempDir;
use wharf_buildpack::Request;
use wharf_env::Env;
use wharf_testkit::files::write;

/// A directory with one executable shell script.
pub(crate) struct Script {
    pub(crate) dir: TempDir,
}

impl Script {
    pub(crate) fn new(body: &str) -> Self {
        let script = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        write(&script.path(), &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(script.path(), Permissions::from_mode(0o755)).unwrap();
        script
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("bin/script")
    }

    /// Run in the directory of the script, with nothing but `PATH`.
    pub(crate) fn request(&self) -> Request {
        request(self.path(), self.dir.path())
    }

    pub(crate) fn make_fifo(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        path
    }

    /// A pipe whose end the script holds; the thread ends when nobody holds it any more.
    pub(crate) fn watch_fifo(&self, name: &str) -> JoinHandle<()> {
        let path = self.make_fifo(name);
        thread::spawn(move || {
            let mut fifo = fs::File::open(path).unwrap();
            fifo.read_to_end(&mut Vec::new()).unwrap();
        })
    }
}

pub(crate) fn request(program: impl Into<PathBuf>, working_dir: &Path) -> Request {
    Request {
        program: program.into(),
        arguments: Vec::new(),
        env: [("PATH", "/usr/bin:/bin")].into_iter().collect::<Env>(),
        working_dir: working_dir.to_owned(),
    }
}

/// Keeps what it gets, and acts once when it has got `awaited`.
pub(crate) struct Sink<F: FnMut()> {
    pub(crate) text: Vec<u8>,
    awaited: &'static str,
    action: Option<F>,
}

impl<F: FnMut()> Sink<F> {
    pub(crate) fn new(awaited: &'static str, action: F) -> Self {
        Self {
            text: Vec::new(),
            awaited,
            action: Some(action),
        }
    }
}

impl<F: FnMut()> Write for Sink<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        if self.text.ends_with(self.awaited.as_bytes())
            && let Some(mut action) = self.action.take()
        {
            action();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
