//! The archive of a layer on its way into the cache, while the layer is made.
use std::io::{self, Write};
use wharf_cache::{CacheTee, CacheTransaction};
use wharf_spec::{digest::Digest, log::Log};

/// Passes an archive on. A cache that cannot take it costs a debug line: it is asked again once the image is complete,
/// and then says what is wrong.
pub(crate) struct Tee<'a> {
    inner: Option<Box<dyn CacheTee + 'a>>,
    layer: &'a str,
    log: &'a dyn Log,
}

impl<'a> Tee<'a> {
    /// `None` where the cache wants no archives.
    pub(crate) fn open(
        cache: &'a dyn CacheTransaction,
        layer: &'a str,
        log: &'a dyn Log,
    ) -> Option<Self> {
        match cache.tee() {
            Ok(inner) => Some(Self {
                inner: Some(inner?),
                layer,
                log,
            }),
            Err(error) => {
                log.debug(&format!(
                    "Not caching layer '{layer}' while it is made: {error}"
                ));
                None
            }
        }
    }

    /// The archive is complete.
    pub(crate) fn keep(self, diff_id: Digest) {
        if let Some(inner) = self.inner
            && let Err(error) = inner.keep(diff_id)
        {
            let layer = self.layer;
            self.log.debug(&format!(
                "Not caching layer '{layer}' while it is made: {error}"
            ));
        }
    }
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(inner) = &mut self.inner
            && let Err(error) = inner.write_all(bytes)
        {
            let layer = self.layer;
            self.log.debug(&format!(
                "Not caching layer '{layer}' while it is made: {error}"
            ));
            self.inner = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
