//! A cache directory.
//!
//! Laid out as the reference lifecycle does, which can use it before and after:
//!
//! ```text
//! <dir>/committed/io.buildpacks.lifecycle.cache.metadata
//! <dir>/committed/sha256:<diff id>.tar                     uncompressed archives, with the time of their last use
//! <dir>/committed/fingerprints.toml                        what was seen of the app, to save reading it
//! <dir>/staging/                                           the next contents, while a build exports
//! <dir>/lock                                               held by the build that exports
//! ```
//!
//! A commit exchanges `staging` and `committed` in one step, so that there is no instant without a complete
//! `committed`. Where the file system cannot exchange, the old contents are moved to `committed-backup` first, and the
//! next [`VolumeCache::open`] moves them back if the build was killed in between.
use crate::{
    Cache, CacheError, CacheLayer, CacheTee, CacheTransaction, CacheWrite, Held,
    digest_writer::{DigestWriter, WrongDiffId},
    metadata,
};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};
use tempfile::NamedTempFile;
use wharf_layer::VerifyingReader;
use wharf_spec::{
    digest::Digest,
    encode,
    files::{
        self,
        fingerprints::{self, Fingerprints},
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

    fn open_unverified(&self, diff_id: Digest) -> Result<Option<Box<dyn Read + Send>>, CacheError> {
        match File::open(self.committed().join(layer_name(diff_id))) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error("read layer from", error)),
        }
    }

    fn discard(&self, diff_id: Digest) {
        let _ = fs::remove_file(self.committed().join(layer_name(diff_id)));
    }

    fn fingerprints(&self) -> Fingerprints {
        let path = self.committed().join(fingerprints::FILE_NAME);
        let read = File::open(path).and_then(|file| {
            let mut text = String::new();
            file.take(metadata::MAX_BYTES).read_to_string(&mut text)?;
            Ok(text)
        });
        let parsed = read.ok().and_then(|text| files::parse(&text).ok());
        parsed.unwrap_or_default()
    }

    fn begin(&self) -> Result<Box<dyn CacheTransaction + '_>, CacheError> {
        let fail = |error| self.error("write to", error);
        let lock = self.lock().map_err(fail)?;
        let dir = self.dir.clone();
        let lock = lock.ok_or_else(|| self.error("lock", InUse { dir }))?;
        self.tidy().map_err(fail)?;
        fs::create_dir(self.staging()).map_err(fail)?;
        Ok(Box::new(VolumeTransaction {
            cache: self,
            kept: Mutex::default(),
            committed: false,
            _lock: lock,
        }))
    }
}

/// The next contents, in `staging`.
///
/// Archives are not synced: each is named by its digest, which every restore checks, so that after a crash a damaged
/// one is found out and made anew. Waiting for a disk would cost more than all the rest of an export.
struct VolumeTransaction<'a> {
    cache: &'a VolumeCache<'a>,
    /// Layers that came through a tee.
    kept: Mutex<BTreeSet<Digest>>,
    committed: bool,
    _lock: File,
}

impl VolumeTransaction<'_> {
    fn incoming(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new()
            .prefix("incoming-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(self.cache.staging())
    }

    fn add(&self, layer: &CacheLayer) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut out = DigestWriter::new(self.incoming()?);
        layer.content.write_tar(&mut out)?;
        let (file, actual) = out.finish();
        WrongDiffId::check(layer.diff_id, actual)?;
        file.persist(self.cache.staging().join(layer_name(layer.diff_id)))?;
        Ok(())
    }

    fn link_or_add(&self, layer: &CacheLayer) -> Result<CacheWrite, CacheError> {
        let name = layer_name(layer.diff_id);
        let staged = self.cache.staging().join(&name);
        if lock(&self.kept).contains(&layer.diff_id) {
            return Ok(CacheWrite::Added);
        }
        if staged.exists() {
            return Ok(CacheWrite::Reused);
        }
        // The name is a promise that every restore checks, so the bytes are not read here once more.
        let committed = self.cache.committed().join(&name);
        if fs::hard_link(&committed, &staged).is_ok() {
            return Ok(CacheWrite::Reused);
        }
        let added = self.add(layer).map(|()| CacheWrite::Added);
        added.map_err(|error| self.cache.error("add layer to", error))
    }

    fn layers_in_staging(&self) -> io::Result<Vec<Held>> {
        let mut held = Vec::new();
        for entry in fs::read_dir(self.cache.staging())? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".tar"));
            if let Some(diff_id) = name.and_then(|name| name.parse().ok()) {
                let found = entry.metadata()?;
                held.push(Held {
                    diff_id,
                    bytes: found.len(),
                    used: found.mtime(),
                });
            }
        }
        Ok(held)
    }

    fn stage_metadata(&self, metadata: &CacheMetadata) -> io::Result<()> {
        let text = encode::json_text(metadata).map_err(io::Error::other)?;
        let mut file = File::create(self.cache.staging().join(labels::CACHE_METADATA))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        sync(&self.cache.staging())
    }

    /// Makes `staging` the committed contents. At every instant there is one complete set.
    fn swap(&self) -> io::Result<()> {
        let (staging, committed) = (self.cache.staging(), self.cache.committed());
        match renameat_with(CWD, &staging, CWD, &committed, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            Err(_) if committed.exists() => self.move_aside(&staging, &committed)?,
            Err(_) => fs::rename(&staging, &committed)?,
        }
        sync(&self.cache.dir)
    }

    /// The exchange in two steps; [`VolumeCache::open`] takes the first back when the second is missing.
    fn move_aside(&self, staging: &Path, committed: &Path) -> io::Result<()> {
        let backup = self.cache.backup();
        fs::rename(committed, &backup)?;
        let moved = fs::rename(staging, committed);
        if moved.is_err() {
            fs::rename(&backup, committed)?;
        }
        moved
    }
}

/// An archive on its way.
struct VolumeTee<'a> {
    transaction: &'a VolumeTransaction<'a>,
    file: NamedTempFile,
}

impl Write for VolumeTee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl CacheTee for VolumeTee<'_> {
    fn keep(self: Box<Self>, diff_id: Digest) -> Result<(), CacheError> {
        let Self { transaction, file } = *self;
        let path = transaction.cache.staging().join(layer_name(diff_id));
        file.persist(path)
            .map_err(|error| transaction.cache.error("add layer to", error.error))?;
        lock(&transaction.kept).insert(diff_id);
        Ok(())
    }
}

impl CacheTransaction for VolumeTransaction<'_> {
    fn tee(&self) -> Result<Option<Box<dyn CacheTee + '_>>, CacheError> {
        let file = self
            .incoming()
            .map_err(|error| self.cache.error("write to", error))?;
        Ok(Some(Box::new(VolumeTee {
            transaction: self,
            file,
        })))
    }

    fn remembers(&self) -> bool {
        true
    }

    fn remember(&mut self, fingerprints: &Fingerprints) -> Result<(), CacheError> {
        let fail = |error: io::Error| self.cache.error("write to", error);
        let text =
            encode::toml_text(fingerprints).map_err(|error| fail(io::Error::other(error)))?;
        fs::write(self.cache.staging().join(fingerprints::FILE_NAME), text).map_err(fail)
    }

    fn put(&mut self, layer: &CacheLayer) -> Result<CacheWrite, CacheError> {
        let written = self.link_or_add(layer)?;
        if layer.is_used {
            let path = self.cache.staging().join(layer_name(layer.diff_id));
            // Only a limit of the cache asks for it.
            let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
        }
        Ok(written)
    }

    fn held(&self) -> Result<Vec<Held>, CacheError> {
        self.layers_in_staging()
            .map_err(|error| self.cache.error("read size of", error))
    }

    fn leave_out(&mut self, diff_id: Digest) -> Result<(), CacheError> {
        fs::remove_file(self.cache.staging().join(layer_name(diff_id)))
            .map_err(|error| self.cache.error("leave layer out of", error))
    }

    fn commit(mut self: Box<Self>, metadata: &CacheMetadata) -> Result<(), CacheError> {
        self.stage_metadata(metadata)
            .and_then(|()| self.swap())
            .map_err(|error| self.cache.error("commit", error))?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for VolumeTransaction<'_> {
    /// Removes the replaced contents after a commit, the staged ones otherwise. What stays is removed by the next
    /// `open`.
    fn drop(&mut self) {
        if let Err(error) = self.cache.tidy() {
            let dir = self.cache.dir.display();
            let what = if self.committed { "replaced" } else { "staged" };
            self.cache.log.debug(&format!(
                "Leaving {what} contents in cache '{dir}': {error}"
            ));
        }
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
