//! The arithmetic of storage: each distinct blob once per project, manifests and configs included.
use super::{errors, state::Project};
use crate::http::Response;
use wharf_spec::digest::Digest;

/// No limit.
pub(crate) const UNLIMITED: i64 = -1;

impl Project {
    /// Refuses to add `bytes` when that exceeds the limit; reaching it is fine.
    pub(crate) fn admit(&self, bytes: u64) -> Result<(), Response> {
        let limit = match u64::try_from(self.limit) {
            Ok(limit) if self.limit != UNLIMITED => limit,
            _ => return Ok(()),
        };
        let used = self.used + self.reserved;
        if used.saturating_add(bytes) <= limit {
            return Ok(());
        }
        let verb = if bytes > 0 { "adding" } else { "subtracting" };
        let words = format!(
            "{verb} {} of storage resource, which when updated to current usage of {} will exceed the configured upper limit of {}.",
            display(bytes),
            display(used),
            display(limit)
        );
        Err(errors::error(403, "DENIED", &words))
    }

    /// Counts a blob, once.
    pub(crate) fn associate(&mut self, digest: Digest, size: u64) {
        if self.blobs.insert(digest) {
            self.used += size;
        }
    }

    pub(crate) fn dissociate(&mut self, digest: Digest, size: u64) {
        if self.blobs.remove(&digest) {
            self.used = self.used.saturating_sub(size);
        }
    }
}

/// As Harbor writes sizes: binary units with one digit.
fn display(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    // Tenths, rounded; no floating point is needed.
    let mut size = 1024_u64;
    while bytes / size >= 1024 && unit + 1 < UNITS.len() {
        size *= 1024;
        unit += 1;
    }
    let tenths = (u128::from(bytes) * 10 + u128::from(size) / 2) / u128::from(size);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::display;

    #[test]
    fn sizes_are_written_as_harbor_does() {
        let sizes = [0, 1023, 1024, 1536, 104_857_600, 1_181_116_006];
        let expected = [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.5 KiB",
            "100.0 MiB",
            "1.1 GiB",
        ];
        assert_eq!(sizes.map(display), expected);
    }
}
