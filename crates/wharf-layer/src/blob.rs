//! Compressed bytes with their digests.
use std::{
    fmt,
    fs::File,
    io::{self, Read},
    sync::Arc,
};
use wharf_spec::digest::Digest;

/// How the bytes of a layer blob are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip; readable by every runtime.
    Gzip,
    /// zstd.
    Zstd,
}

/// Bytes that can be read from the start any number of times.
pub trait BlobSource: fmt::Debug + Send + Sync {
    /// A reader at the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

/// A layer ready for a store. The bytes lie in an unnamed temporary file that vanishes with the last owner.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Digest of the compressed bytes.
    pub digest: Digest,
    /// Digest of the archive.
    pub diff_id: Digest,
    /// Compressed bytes.
    pub size: u64,
    /// Compression of the bytes.
    pub compression: Compression,
    /// The bytes.
    pub file: Arc<File>,
}

impl BlobSource for Blob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        todo!()
    }
}

/// A reader that fails at the end when the bytes are not those of `digest` (and `size`, when given).
#[derive(Debug)]
pub struct VerifyingReader<R> {
    inner: R,
}

impl<R: Read> VerifyingReader<R> {
    /// Verifies what `inner` yields. A wrong digest or length is an error of kind `InvalidData`, never an end.
    pub fn new(inner: R, digest: Digest, size: Option<u64>) -> Self {
        let _ = (digest, size);
        Self { inner }
    }
}

impl<R: Read> Read for VerifyingReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buf)
    }
}

/// The archive in `bytes`, whatever its compression; recognised by its first bytes.
pub fn decompress(bytes: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let _ = bytes;
    todo!()
}
