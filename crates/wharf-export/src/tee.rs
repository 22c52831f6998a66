//! The archive of a layer on its way into the cache, while the layer is made.
use std::{
    fmt::Display,
    io::{self, Write},
};
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
        let mut tee = Self {
            inner: None,
            layer,
            log,
        };
        match cache.tee() {
            Ok(inner) => tee.inner = Some(inner?),
            Err(error) => tee.give_up(&error),
        }
        Some(tee)
    }

    /// The archive is complete.
    pub(crate) fn keep(mut self, diff_id: Digest) {
        if let Some(inner) = self.inner.take()
            && let Err(error) = inner.keep(diff_id)
        {
            self.give_up(&error);
        }
    }

    fn give_up(&mut self, error: &dyn Display) {
        let layer = self.layer;
        self.log.debug(&format!(
            "Not caching layer '{layer}' while it is made: {error}"
        ));
        self.inner = None;
    }
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.as_mut().map(|inner| inner.write_all(bytes));
        if let Some(Err(error)) = written {
            self.give_up(&error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
