//! One pass over a layer: archive, diff ID, compression on all cores, digest.
use crate::{Blob, Compression, LayerContent, LayerError};
use sha2::{Digest as _, Sha256};
use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
};
use wharf_spec::digest::Digest;

/// Turns layer content into blobs. Output depends on the content only, never on the number of workers.
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
        let _ = content;
        todo!()
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
