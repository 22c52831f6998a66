//! The directory with everything that is kept between runs.
use crate::{arguments::CommonArguments, console, environment};
use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use wharf_sandbox::{RootFsStore, tree};
use wharf_spec::digest::Digest;

/// Unpacked images, layouts, caches and the builds that are under way.
#[derive(Debug, Clone)]
pub(crate) struct LocalStore {
    root: PathBuf,
}

/// The directory of one build. It goes with the value; when the process is killed, with the next start.
#[derive(Debug)]
pub(crate) struct BuildArea {
    dir: PathBuf,
    _lock: Flock<File>,
}

impl LocalStore {
    /// The store that the command line or the environment names. Removes what killed builds left.
    pub(crate) fn open(common: &CommonArguments) -> Result<Self> {
        let root = common
            .store
            .clone()
            .or_else(environment::cache_home)
            .context("find a directory for the store: neither --store nor HOME is set")?;
        fs::create_dir_all(&root).with_context(|| format!("create '{}'", root.display()))?;
        let root = root
            .canonicalize()
            .with_context(|| format!("open '{}'", root.display()))?;
        let store = Self { root };
        store.clean()?;
        Ok(store)
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// Unpacked images.
    pub(crate) fn root_file_systems(&self) -> RootFsStore {
        RootFsStore::new(self.root.join("rootfs"))
    }

    /// The cache of the app that goes to `name`.
    pub(crate) fn cache(&self, name: &str) -> PathBuf {
        self.root.join("caches").join(key(name))
    }

    /// The layouts in which images for `name` are made.
    pub(crate) fn layouts(&self, name: &str) -> PathBuf {
        self.root.join("layouts").join(key(name))
    }

    /// A lock that one build of `name` holds at a time.
    pub(crate) fn lock(&self, name: &str) -> Result<Flock<File>> {
        let path = self.root.join("locks").join(key(name));
        if let Ok(lock) = lock(&path, FlockArg::LockExclusiveNonblock) {
            return Ok(lock);
        }
        console::line(format_args!("Waiting for another build of {name}"));
        lock(&path, FlockArg::LockExclusive).with_context(|| format!("lock '{}'", path.display()))
    }

    fn builds(&self) -> PathBuf {
        self.root.join("builds")
    }

    fn builds_lock(&self) -> Result<Flock<File>> {
        lock(&self.root.join("locks/builds"), FlockArg::LockExclusive)
    }

    /// A fresh directory for one build.
    pub(crate) fn build_area(&self) -> Result<BuildArea> {
        let builds = self.builds();
        let make = || -> Result<BuildArea> {
            fs::create_dir_all(&builds)?;
            let _no_cleaning = self.builds_lock()?;
            let dir = TempDir::with_prefix_in("build-", &builds)?.keep();
            let lock = lock(&lock_path(&dir), FlockArg::LockExclusive)?;
            Ok(BuildArea { dir, _lock: lock })
        };
        make().with_context(|| format!("create a directory in '{}'", builds.display()))
    }

    fn clean(&self) -> Result<()> {
        let Ok(entries) = fs::read_dir(self.builds()) else {
            return Ok(());
        };
        // No directory is made while it is not locked yet.
        let _no_making = self.builds_lock()?;
        for entry in entries.filter_map(Result::ok) {
            let dir = entry.path();
            if dir.extension().is_some() {
                continue;
            }
            // Whoever works in it holds its lock.
            if let Ok(lock) = lock(&lock_path(&dir), FlockArg::LockExclusiveNonblock) {
                remove_area(&dir, lock)?;
            }
        }
        Ok(())
    }
}

impl BuildArea {
    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    /// A new directory in it.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        fs::create_dir_all(&path).with_context(|| format!("create '{}'", path.display()))?;
        Ok(path)
    }
}

impl Drop for BuildArea {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _ = tree::remove(&self.dir);
        let _ = fs::remove_file(lock_path(&self.dir));
    }
}

fn lock_path(dir: &Path) -> PathBuf {
    dir.with_added_extension("lock")
}

fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    Ok(Flock::lock(file, how).map_err(|(_, error)| error)?)
}

fn remove_area(dir: &Path, lock: Flock<File>) -> Result<()> {
    tree::remove(dir)?;
    let _ = fs::remove_file(lock_path(dir));
    drop(lock);
    Ok(())
}

/// A file name for any text.
fn key(name: &str) -> String {
    Digest::from_bytes(Sha256::digest(name).into()).hex()
}
