//! One pass over a layer: archive, diff ID, compression on all cores, digest.
mod compress;
#[cfg(feature = "igzip")]
mod igzip;
mod method;
mod pipeline;
mod pool;

pub use compress::{BlockCompressor, ROOM};
pub use method::{Method, MethodError};

use crate::{Blob, LayerContent, LayerError, content::block::Cutter};
use pipeline::Emit;
use pool::Pool;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest as _, Sha256};
use std::{
    fs::File,
    io::{self, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use wharf_spec::digest::Digest;

/// Turns layer content into blobs. Output depends on the content only, never on the number of workers.
///
/// The archive is cut into blocks of one MiB. A worker reads a block and makes it a complete gzip member or zstd frame
/// of its own; one thread walks the files, and the calling thread hashes and writes blocks in order. Clones share the workers, and several threads may
/// encode at once: the blocks in memory stay bounded, 2 MiB each.
#[derive(Debug, Clone)]
pub struct Encoder {
    pool: Arc<Pool>,
    temp_dir: PathBuf,
    method: Method,
    made: Arc<Mutex<Vec<Digest>>>,
}

impl Encoder {
    /// An encoder with `workers` threads that read and compress, and unnamed temporary files in `temp_dir`.
    pub fn new(workers: NonZeroUsize, temp_dir: impl Into<PathBuf>, method: Method) -> Self {
        Self {
            pool: Arc::new(Pool::new(workers)),
            temp_dir: temp_dir.into(),
            method,
            made: Arc::default(),
        }
    }

    /// Diff IDs of all blobs that this encoder and its clones have made, one for each run: what is there twice was
    /// compressed twice.
    pub fn made(&self) -> Vec<Digest> {
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Threads that read and compress.
    pub fn workers(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.pool.workers()).unwrap_or(NonZeroUsize::MIN)
    }

    /// Reads the content once and returns its blob.
    pub fn encode(&self, content: &LayerContent) -> Result<Blob, LayerError> {
        self.blob(&mut |emit| content.blocks(emit), None)
    }

    /// As [`Encoder::encode`], and in the same pass copies the uncompressed archive to `tee`.
    pub fn encode_tee(
        &self,
        content: &LayerContent,
        tee: &mut dyn Write,
    ) -> Result<Blob, LayerError> {
        self.blob(&mut |emit| content.blocks(emit), Some(tee))
    }

    /// The blob of whatever bytes `write` writes.
    pub fn encode_with(
        &self,
        write: &mut (dyn FnMut(&mut dyn Write) -> Result<(), LayerError> + Send),
    ) -> Result<Blob, LayerError> {
        self.blob(
            &mut |emit| {
                let mut literals = Literals {
                    cutter: Cutter::new(emit),
                    failure: None,
                };
                let written = write(&mut literals);
                if let Some(failure) = literals.failure {
                    return Err(failure);
                }
                written.and_then(|()| literals.cutter.finish())
            },
            None,
        )
    }

    /// The diff ID of the content; nothing is written.
    pub fn diff_id(&self, content: &LayerContent) -> Result<Digest, LayerError> {
        let mut archive = Sha256::new();
        let pool = (self.pool.as_ref(), None);
        pipeline::run(pool, &mut |emit| content.blocks(emit), &mut |block| {
            archive.update(block.raw());
            Ok(())
        })?;
        Ok(digest(archive))
    }

    fn blob(
        &self,
        describe: &mut (dyn FnMut(&mut Emit<'_>) -> Result<(), LayerError> + Send),
        mut tee: Option<&mut dyn Write>,
    ) -> Result<Blob, LayerError> {
        let temp_error = |source| LayerError::Io {
            action: "write a temporary file in",
            path: self.temp_dir.clone(),
            source,
        };
        let file = unnamed_file(&self.temp_dir).map_err(temp_error)?;
        let (mut archive, mut blob, mut size) = (Sha256::new(), Sha256::new(), 0);
        let pool = (self.pool.as_ref(), Some(self.method));
        pipeline::run(pool, describe, &mut |block| {
            archive.update(block.raw());
            blob.update(block.packed());
            size += block.packed().len() as u64;
            (&file as &File)
                .write_all(block.packed())
                .map_err(temp_error)?;
            match &mut tee {
                Some(tee) => tee.write_all(block.raw()).map_err(LayerError::Write),
                None => Ok(()),
            }
        })?;
        let diff_id = digest(archive);
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(diff_id);
        Ok(Blob {
            digest: digest(blob),
            diff_id,
            size,
            compression: self.method.kind(),
            file: Arc::new(file),
        })
    }
}

/// A file without a name, which could still be given one.
fn unnamed_file(dir: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o666);
    match rustix::fs::open(dir, flags, mode) {
        Ok(file) => Ok(file.into()),
        // A file system without such files; any other reason will show again.
        Err(_) => tempfile::tempfile_in(dir),
    }
}

fn digest(hasher: Sha256) -> Digest {
    Digest::from_bytes(hasher.finalize().into())
}

/// Bytes that go into blocks as they are; remembers why that failed.
struct Literals<'a> {
    cutter: Cutter<'a>,
    failure: Option<LayerError>,
}

impl Write for Literals<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.cutter.literal(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(failure) => {
                self.failure.get_or_insert(failure);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
