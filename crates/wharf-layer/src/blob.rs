//! Compressed bytes with their digests.
use flate2::bufread::MultiGzDecoder;
use rustix::fs::{AtFlags, CWD, linkat};
use sha2::{Digest as _, Sha256};
use std::{
    fmt,
    fs::File,
    io::{self, BufReader, Read},
    os::{fd::AsRawFd, unix::fs::FileExt},
    path::Path,
    sync::Arc,
};
use wharf_spec::digest::Digest;

/// Compressed bytes read at once.
const BUFFER: usize = 64 * 1024;

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

    /// Gives the bytes the name `path`, where they are a file on the same file system that has no name yet and `path`
    /// is free; `false` when they have to be copied. Nothing else may write to the file then.
    fn link(&self, _path: &Path) -> io::Result<bool> {
        Ok(false)
    }
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
        Ok(Box::new(BlobReader {
            file: Arc::clone(&self.file),
            at: 0,
            size: self.size,
        }))
    }

    fn link(&self, path: &Path) -> io::Result<bool> {
        let handle = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        match linkat(CWD, handle, CWD, path, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => Ok(true),
            // Another file system, a temporary file that must have no name, no /proc …
            Err(_) => Ok(false),
        }
    }
}

/// Reads at its own position, so that many readers share one file.
struct BlobReader {
    file: Arc<File>,
    at: u64,
    size: u64,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..wanted], self.at)?;
        if count == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}

/// A reader that fails at the end when the bytes are not those of `digest` (and `size`, when given).
#[derive(Debug)]
pub struct VerifyingReader<R> {
    inner: R,
    expected: Digest,
    size: Option<u64>,
    seen: u64,
    hasher: Sha256,
    verdict: Option<Verdict>,
}

/// What the end of the bytes told.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    Good,
    WrongDigest(Digest),
    WrongSize,
}

impl<R: Read> VerifyingReader<R> {
    /// Verifies what `inner` yields. A wrong digest or length is an error of kind `InvalidData`, never an end.
    pub fn new(inner: R, digest: Digest, size: Option<u64>) -> Self {
        Self {
            inner,
            expected: digest,
            size,
            seen: 0,
            hasher: Sha256::new(),
            verdict: None,
        }
    }

    fn judge(&mut self) -> Verdict {
        let actual = Digest::from_bytes(self.hasher.finalize_reset().into());
        if self.size.is_some_and(|size| size != self.seen) {
            Verdict::WrongSize
        } else if actual == self.expected {
            Verdict::Good
        } else {
            Verdict::WrongDigest(actual)
        }
    }

    fn outcome(&self, verdict: Verdict) -> io::Result<usize> {
        let message = match verdict {
            Verdict::Good => return Ok(0),
            Verdict::WrongDigest(actual) => {
                format!("expected {}, got bytes of {actual}", self.expected)
            }
            Verdict::WrongSize => format!(
                "expected {} bytes of {}, got {}{}",
                self.size.unwrap_or_default(),
                self.expected,
                self.seen,
                if self.size.is_some_and(|size| self.seen > size) {
                    " or more"
                } else {
                    ""
                }
            ),
        };
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }
}

impl<R: Read> Read for VerifyingReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(verdict) = self.verdict {
            return self.outcome(verdict);
        }
        if buf.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buf)?;
        self.seen += count as u64;
        self.hasher.update(&buf[..count]);
        let verdict = if self.size.is_some_and(|size| self.seen > size) {
            Verdict::WrongSize
        } else if count == 0 {
            self.judge()
        } else {
            return Ok(count);
        };
        self.verdict = Some(verdict);
        self.outcome(verdict)
    }
}

/// The archive in `bytes`, whatever its compression; recognised by its first bytes. Read to the end it has read
/// `bytes` to the end.
pub fn decompress(mut bytes: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut start = Vec::new();
    bytes.by_ref().take(4).read_to_end(&mut start)?;
    let whole = io::Cursor::new(start.clone()).chain(bytes);
    Ok(match start.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, whole))),
        // A frame, or one that is to be skipped and stands before it.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Box::new(
            zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(BUFFER, whole))?,
        ),
        _ => Box::new(whole),
    })
}
