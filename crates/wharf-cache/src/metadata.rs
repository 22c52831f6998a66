//! The metadata document of a cache.
use wharf_spec::{labels::lifecycle::CacheMetadata, log::Log};

/// Largest document that is read.
pub(crate) const MAX_BYTES: u64 = 8 << 20;

/// The metadata in `text`. A cache is only ever a help: what cannot be understood is an empty one.
pub(crate) fn parse(text: &[u8], cache: &str, log: &dyn Log) -> CacheMetadata {
    if text.len() as u64 > MAX_BYTES {
        log.warn(&format!(
            "Ignoring cache '{cache}', its metadata has more than {MAX_BYTES} bytes"
        ));
        return CacheMetadata::default();
    }
    serde_json::from_slice(text).unwrap_or_else(|error| {
        log.warn(&format!(
            "Ignoring cache '{cache}', its metadata cannot be understood: {error}"
        ));
        CacheMetadata::default()
    })
}
