//! One pass over a layer: archive, diff ID, compression on all cores, digest.
mod block;
mod pipeline;

use crate::{Blob, Compression, LayerContent, LayerError};
use pipeline::Sink;
use sha2::{Digest as _, Sha256};
use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    thread,
};
use wharf_spec::digest::Digest;

/// Turns layer content into blobs. Output depends on the content only, never on the number of workers.
///
/// The archive is cut into blocks of one MiB. Each becomes a complete gzip member or zstd frame of its own, so
/// blocks are compressed side by side and written in order. About two MiB are held per worker.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// Threads that compress.
    pub workers: NonZeroUsize,
    /// Directory of the unnamed temporary files.
    pub temp_dir: PathBuf,
    /// Compression of the blobs.
    pub compression: Compression,
}

impl Encoder {
    /// Reads the content once and returns its blob.
    pub fn encode(&self, content: &LayerContent) -> Result<Blob, LayerError> {
        self.encode_with(&mut |out| content.write_tar(out))
    }

    /// As [`Encoder::encode`], and in the same pass copies the uncompressed archive to `tee`.
    pub fn encode_tee(
        &self,
        content: &LayerContent,
        tee: &mut dyn Write,
    ) -> Result<Blob, LayerError> {
        self.encode_with(&mut |out| content.write_tar(&mut Tee { out, tee }))
    }

    /// The blob of whatever bytes `write` writes.
    pub fn encode_with(
        &self,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), LayerError>,
    ) -> Result<Blob, LayerError> {
        let file =
            tempfile::tempfile_in(&self.temp_dir).map_err(|source| self.temp_error(source))?;
        let encoded = thread::scope(|scope| {
            let mut sink = Sink::new(scope, self.compression, self.workers, &file);
            let written = write(&mut sink);
            // When the file or a worker failed, `write` saw an error too, but only the sink knows why.
            let finished = sink.finish(written.is_ok());
            finished
                .map_err(|source| self.temp_error(source))
                .and_then(|encoded| written.map(|()| encoded))
        })?;
        Ok(Blob {
            digest: encoded.digest,
            diff_id: encoded.diff_id,
            size: encoded.size,
            compression: self.compression,
            file: Arc::new(file),
        })
    }

    fn temp_error(&self, source: io::Error) -> LayerError {
        LayerError::Io {
            action: "write a temporary file in",
            path: self.temp_dir.clone(),
            source,
        }
    }
}

/// The diff ID of the content; nothing is written.
pub fn diff_id(content: &LayerContent) -> Result<Digest, LayerError> {
    let mut hasher = HashWriter::default();
    content.write_tar(&mut hasher)?;
    Ok(hasher.finish())
}

/// A writer that keeps nothing but the digest.
#[derive(Debug, Default)]
struct HashWriter(Sha256);

impl HashWriter {
    fn finish(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes everything twice.
struct Tee<'a> {
    out: &'a mut dyn Write,
    tee: &'a mut dyn Write,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.tee.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.tee.flush()
    }
}
