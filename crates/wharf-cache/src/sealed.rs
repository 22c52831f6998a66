//! Archives that are sealed while they are written.
use std::io::{self, Write};
use wharf_layer::Sealer;
use wharf_spec::files::seals::Seal;

/// Computes the seal of what passes through.
pub(crate) struct SealedWriter<W> {
    inner: W,
    sealer: Sealer,
}

impl<W: Write> SealedWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            sealer: Sealer::default(),
        }
    }

    pub(crate) fn finish(self) -> (W, Seal) {
        let seal = self.sealer.finish();
        (self.inner, seal)
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.sealer.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
