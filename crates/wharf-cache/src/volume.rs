//! A cache directory.
//!
//! Laid out as the reference lifecycle does, which can use it before and after:
//!
//! ```text
//! <dir>/committed/io.buildpacks.lifecycle.cache.metadata
//! <dir>/committed/sha256:<diff id>.tar                     uncompressed archives, with the time of their last use
//! <dir>/committed/fingerprints.toml                        what was seen of the app, to save reading it
//! <dir>/committed/seals.toml                               a second, faster digest of each archive
//! <dir>/staging/                                           the next contents, while a build exports
//! <dir>/lock                                               held by the build that exports
//! ```
//!
//! A commit exchanges `staging` and `committed` in one step, so that there is no instant without a complete
//! `committed`. Where the file system cannot exchange, the old contents are moved to `committed-backup` first, and the
//! next [`VolumeCache::open`] moves them back if the build was killed in between.
mod transaction;

use crate::{Cache, CacheError, CacheTransaction, Unverified, metadata};
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read},
    path::{Path, PathBuf},
};
use transaction::VolumeTransaction;
use wharf_layer::{Checksum, VerifyingReader};
use wharf_spec::{
    digest::Digest,
    files::{
        self,
        fingerprints::{self, Fingerprints},
        seals::{self, Seals},
    },
    labels::{self, lifecycle::CacheMetadata},
    log::Log,
};

/// `<dir>/committed` with `sha256:<hex>.tar` files and the metadata file.
pub struct VolumeCache<'a> {
    dir: PathBuf,
    log: &'a dyn Log,
}

impl fmt::Debug for VolumeCache<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VolumeCache")
            .field("dir", &self.dir)
            .finish()
    }
}

/// Another build holds the cache.
#[derive(Debug, thiserror::Error)]
#[error(
    "another build is writing to '{}'; let it finish, or give each build a cache of its own",
    dir.display()
)]
struct InUse {
    dir: PathBuf,
}

impl<'a> VolumeCache<'a> {
    /// Opens the cache in `dir`, which must exist, and tidies up what a killed build left. Contents that another build
    /// is just staging are not touched.
    pub fn open(dir: PathBuf, log: &'a dyn Log) -> Result<Self, CacheError> {
        let cache = Self { dir, log };
        cache
            .recover()
            .map_err(|error| cache.error("open", error))?;
        Ok(cache)
    }

    fn committed(&self) -> PathBuf {
        self.dir.join("committed")
    }

    fn staging(&self) -> PathBuf {
        self.dir.join("staging")
    }

    fn backup(&self) -> PathBuf {
        self.dir.join("committed-backup")
    }

    fn recover(&self) -> io::Result<()> {
        if !self.dir.is_dir() {
            let kind = io::ErrorKind::NotADirectory;
            return Err(io::Error::new(kind, "there is no such directory"));
        }
        if !self.staging().exists() && !self.backup().exists() {
            return Ok(());
        }
        // Without the right to lock there is none to tidy up; reading may still work.
        match self.lock() {
            Ok(Some(lock)) => {
                self.tidy()?;
                drop(lock);
            }
            Ok(None) => self.log.debug(&format!(
                "Cache '{}' is in use by another build",
                self.dir.display()
            )),
            Err(error) => self.log.debug(&format!(
                "Leaving remains of another build in cache '{}': {error}",
                self.dir.display()
            )),
        }
        Ok(())
    }

    /// Brings the directory into its state of rest. Only under the lock.
    fn tidy(&self) -> io::Result<()> {
        let (committed, backup) = (self.committed(), self.backup());
        if backup.exists() && !committed.exists() {
            fs::rename(&backup, &committed)?;
            sync(&self.dir)?;
        }
        remove_tree(&backup)?;
        remove_tree(&self.staging())
    }

    /// The lock of the directory; `None` when another build holds it.
    fn lock(&self) -> io::Result<Option<File>> {
        let path = self.dir.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A file that only saves work: what cannot be read or understood is an empty one.
    fn help<T: DeserializeOwned + Default>(&self, name: &str) -> T {
        let read = File::open(self.committed().join(name)).and_then(|file| {
            let mut text = String::new();
            file.take(metadata::MAX_BYTES).read_to_string(&mut text)?;
            Ok(text)
        });
        let parsed = read.ok().and_then(|text| files::parse(&text).ok());
        parsed.unwrap_or_default()
    }

    fn seals(&self) -> Seals {
        self.help(seals::FILE_NAME)
    }

    fn error(
        &self,
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> CacheError {
        CacheError::new(action, self.name(), source)
    }
}

impl Cache for VolumeCache<'_> {
    fn name(&self) -> String {
        self.dir.display().to_string()
    }

    fn metadata(&self) -> Result<CacheMetadata, CacheError> {
        let path = self.committed().join(labels::CACHE_METADATA);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(CacheMetadata::default());
            }
            Err(error) => return Err(self.error("read metadata of", error)),
        };
        let mut text = Vec::new();
        file.take(metadata::MAX_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(|error| self.error("read metadata of", error))?;
        Ok(metadata::parse(&text, &self.name(), self.log))
    }

    fn open_layer(&self, diff_id: Digest) -> Result<Option<Box<dyn Read + Send>>, CacheError> {
        let path = self.committed().join(layer_name(diff_id));
        match File::open(&path) {
            Ok(file) => Ok(Some(Box::new(HealingReader {
                inner: VerifyingReader::new(file, diff_id, None),
                path,
            }))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error("read layer from", error)),
        }
    }

    fn open_unverified(&self, diff_id: Digest) -> Result<Option<Unverified>, CacheError> {
        match File::open(self.committed().join(layer_name(diff_id))) {
            Ok(file) => {
                let seal = self.seals().of(diff_id).cloned();
                Ok(Some(Unverified {
                    tar: Box::new(file),
                    expected: seal.map_or(Checksum::DiffId(diff_id), Checksum::Seal),
                }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error("read layer from", error)),
        }
    }

    fn discard(&self, diff_id: Digest) {
        let _ = fs::remove_file(self.committed().join(layer_name(diff_id)));
    }

    fn fingerprints(&self) -> Fingerprints {
        self.help(fingerprints::FILE_NAME)
    }

    fn begin(&self) -> Result<Box<dyn CacheTransaction + '_>, CacheError> {
        let fail = |error| self.error("write to", error);
        let lock = self.lock().map_err(fail)?;
        let dir = self.dir.clone();
        let lock = lock.ok_or_else(|| self.error("lock", InUse { dir }))?;
        self.tidy().map_err(fail)?;
        fs::create_dir(self.staging()).map_err(fail)?;
        Ok(Box::new(VolumeTransaction::new(self, lock)))
    }
}

/// Removes a file that turns out to be corrupt, so that the next build writes it anew instead of linking it.
struct HealingReader {
    inner: VerifyingReader<File>,
    path: PathBuf,
}

impl Read for HealingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        if let Err(error) = &read
            && error.kind() == io::ErrorKind::InvalidData
        {
            let _ = fs::remove_file(&self.path);
        }
        read
    }
}

fn layer_name(diff_id: Digest) -> String {
    format!("{diff_id}.tar")
}

fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Makes what happened in a directory survive a crash.
fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
