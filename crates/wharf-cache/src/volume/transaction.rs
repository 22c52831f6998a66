//! The next contents of a cache directory.
use super::{VolumeCache, layer_name, sync};
use crate::{
    CacheError, CacheLayer, CacheTee, CacheTransaction, CacheWrite, Held,
    digest_writer::{DigestWriter, WrongDiffId},
    sealed::SealedWriter,
};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};
use tempfile::NamedTempFile;
use wharf_spec::{
    digest::Digest,
    encode,
    files::{
        fingerprints::{self, Fingerprints},
        seals::{self, Seal, Sealed, Seals},
    },
    labels::{self, lifecycle::CacheMetadata},
};

/// The next contents, in `staging`.
///
/// Archives are not synced: each is named by its digest, which every restore checks, so that after a crash a damaged
/// one is found out and made anew. Waiting for a disk would cost more than all the rest of an export.
pub(super) struct VolumeTransaction<'a> {
    cache: &'a VolumeCache<'a>,
    /// Layers that came through a tee.
    kept: Mutex<BTreeSet<Digest>>,
    /// Seals of the archives that were written.
    seals: Mutex<BTreeMap<Digest, Seal>>,
    committed: bool,
    _lock: File,
}

impl<'a> VolumeTransaction<'a> {
    /// An empty set. `lock` is held until it is dropped.
    pub(super) fn new(cache: &'a VolumeCache<'a>, lock: File) -> Self {
        Self {
            cache,
            kept: Mutex::default(),
            seals: Mutex::default(),
            committed: false,
            _lock: lock,
        }
    }
}

impl VolumeTransaction<'_> {
    fn incoming(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new()
            .prefix("incoming-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(self.cache.staging())
    }

    fn add(&self, layer: &CacheLayer) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut out = DigestWriter::new(SealedWriter::new(self.incoming()?));
        layer.content.write_tar(&mut out)?;
        let (sealed, actual) = out.finish();
        WrongDiffId::check(layer.diff_id, actual)?;
        self.keep(sealed, layer.diff_id)?;
        Ok(())
    }

    /// Gives a complete archive its name.
    fn keep(&self, archive: SealedWriter<NamedTempFile>, diff_id: Digest) -> io::Result<()> {
        let (file, seal) = archive.finish();
        file.persist(self.cache.staging().join(layer_name(diff_id)))?;
        lock(&self.seals).insert(diff_id, seal);
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

    /// Seals of what was written, and those of what was linked that had one.
    fn stage_seals(&self) -> io::Result<()> {
        let before = self.cache.seals();
        let made = lock(&self.seals);
        let sealed = self.layers_in_staging()?.into_iter().filter_map(|held| {
            let diff_id = held.diff_id;
            let seal = made.get(&diff_id).or_else(|| before.of(diff_id))?.clone();
            Some(Sealed { diff_id, seal })
        });
        let mut sealed: Vec<_> = sealed.collect();
        sealed.sort_by_key(|sealed| sealed.diff_id);
        let text = encode::toml_text(&Seals { sealed }).map_err(io::Error::other)?;
        fs::write(self.cache.staging().join(seals::FILE_NAME), text)
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
    archive: SealedWriter<NamedTempFile>,
}

impl Write for VolumeTee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.archive.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.archive.flush()
    }
}

impl CacheTee for VolumeTee<'_> {
    fn keep(self: Box<Self>, diff_id: Digest) -> Result<(), CacheError> {
        let cache = self.transaction.cache;
        let kept = self.transaction.keep(self.archive, diff_id);
        kept.map_err(|error| cache.error("add layer to", error))?;
        lock(&self.transaction.kept).insert(diff_id);
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
            archive: SealedWriter::new(file),
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
        self.stage_seals()
            .and_then(|()| self.stage_metadata(metadata))
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
