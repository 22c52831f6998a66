//! What a layer must turn out to be.
use sha2::{Digest as _, Sha256};
use std::io::{self, Write};
use wharf_spec::digest::Digest;

/// A layer whose content is no longer what it was when its diff ID was computed.
#[derive(Debug, thiserror::Error)]
#[error("layer content has diff id {actual} but {expected} was exported; it changed in between")]
pub(crate) struct WrongDiffId {
    pub(crate) expected: Digest,
    pub(crate) actual: Digest,
}

impl WrongDiffId {
    /// Compares.
    pub(crate) fn check(expected: Digest, actual: Digest) -> Result<(), Self> {
        if expected == actual {
            Ok(())
        } else {
            Err(Self { expected, actual })
        }
    }
}

/// Hashes what passes through.
pub(crate) struct DigestWriter<W> {
    inner: W,
    hasher: Sha256,
}

impl<W: Write> DigestWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
        }
    }

    pub(crate) fn finish(self) -> (W, Digest) {
        let digest = Digest::from_bytes(self.hasher.finalize().into());
        (self.inner, digest)
    }
}

impl<W: Write> Write for DigestWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
