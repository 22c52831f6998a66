//! Whether files are still as they were, told without reading them.
//!
//! A fingerprint is a digest over what `lstat` says of every path of a layer: name, mode, size, modification and change
//! time, inode and device. Whoever writes to a file, replaces it, or changes its mode, owner or times gives it a new
//! change time, which no program can set; a copy or a restored backup has other inodes. So equal fingerprints mean equal
//! content, under conditions that are checked here:
//!
//! - The file system keeps inodes and change times itself: those of a local disk or memory, not of a network or of
//!   another program. Files below another mount than the layer's root are not trusted either.
//! - Since the newest change the file system's clock has moved on. An edit within the same tick as the last one before
//!   the fingerprint would show the same time. [`Taken::settle`] waits a moment for that, or gives up.
//!
//! What remains is a clock that is set back and then, at an edit that keeps the size, hits the very nanosecond of the
//! time before. A fingerprint that cannot be taken, or differs, costs reading the files, nothing else.
use crate::{
    LayerContent, LayerError, Owner,
    content::walk::{self, Visitor, failed},
};
use rustix::{
    fs::statfs,
    time::{ClockId, clock_gettime},
};
use sha2::{Digest as _, Sha256};
use std::{
    fs::Metadata,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
    thread,
    time::{Duration, Instant},
};
use wharf_spec::digest::Digest;

/// How long [`Taken::settle`] waits for the clock of the file system; a tick is at most ten milliseconds.
const PATIENCE: Duration = Duration::from_millis(25);
/// The coarsest clock of file systems whose times have no fractions.
const COARSE: i64 = 2;

/// Magic numbers of the file systems whose inodes and change times are the kernel's own.
const TRUSTED: [u64; 7] = [
    0xef53,      // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683e, // Btrfs
    0x0102_1994, // tmpfs
    0x794c_7630, // overlayfs, above one of these
    0xf2f5_2010, // F2FS
    0x2fc1_2fc1, // ZFS
];

/// A change time: seconds and nanoseconds since 1970.
pub type ChangeTime = (i64, i64);

/// A fingerprint, and the newest change among the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    fingerprint: Digest,
    newest: ChangeTime,
}

impl Taken {
    /// The digest over all paths.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// The newest change.
    pub fn newest(&self) -> ChangeTime {
        self.newest
    }

    /// The fingerprint when it may be kept; `None` when the files changed so recently that another change might not show.
    pub fn settle(self) -> Option<Self> {
        let begin = Instant::now();
        while !self.is_settled(now()) {
            if begin.elapsed() > PATIENCE {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
        Some(self)
    }

    fn is_settled(&self, now: ChangeTime) -> bool {
        match self.newest {
            (seconds, 0) => now.0 >= seconds.saturating_add(COARSE),
            newest => now > newest,
        }
    }
}

/// The clock that file systems take change times from.
fn now() -> ChangeTime {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    (now.tv_sec, now.tv_nsec)
}

impl LayerContent {
    /// The fingerprint of the files; `None` when there are none, or where they are not to be trusted.
    pub fn fingerprint(&self) -> Result<Option<Taken>, LayerError> {
        self.fingerprint_up_to(None)
    }

    /// As [`fingerprint`](Self::fingerprint), but gives up at the first path that changed after `newest`: the fingerprint
    /// with that newest change is another one.
    pub fn fingerprint_up_to(
        &self,
        newest: Option<ChangeTime>,
    ) -> Result<Option<Taken>, LayerError> {
        let (root, owner) = match self {
            Self::Tree { root, owner } | Self::Paths { root, owner, .. } => (root, owner),
            Self::Launcher { .. } | Self::ProcessTypes { .. } => return Ok(None),
        };
        let Some(device) = device(root)? else {
            return Ok(None);
        };
        let mut stats = Stats {
            hasher: Sha256::new(),
            device,
            newest: (0, 0),
            limit: newest,
            is_trusted: true,
        };
        stats.hasher.update(b"wharf fingerprint 1\0");
        stats.number(owner.uid.into());
        stats.number(owner.gid.into());
        match self.visit(&mut stats) {
            // What changes while it is looked at has no fingerprint either.
            Err(LayerError::Changed { .. }) => return Ok(None),
            visited => visited?,
        }
        Ok(stats.is_trusted.then(|| Taken {
            fingerprint: Digest::from_bytes(stats.hasher.finalize().into()),
            newest: stats.newest,
        }))
    }
}

/// The device of `root`, when its file system is one to trust.
fn device(root: &Path) -> Result<Option<u64>, LayerError> {
    let read = |error| failed("read", root, error);
    let system = statfs(root).map_err(|errno| read(errno.into()))?;
    let magic = u64::try_from(system.f_type).unwrap_or(0);
    if !TRUSTED.contains(&magic) {
        return Ok(None);
    }
    let found = root.symlink_metadata().map_err(read)?;
    Ok(Some(found.dev()))
}

/// Takes up what is known of each path.
struct Stats {
    hasher: Sha256,
    device: u64,
    newest: ChangeTime,
    /// The newest change that is of interest.
    limit: Option<ChangeTime>,
    is_trusted: bool,
}

impl Stats {
    fn number(&mut self, number: u64) {
        self.hasher.update(number.to_le_bytes());
    }

    fn signed(&mut self, number: i64) {
        self.hasher.update(number.to_le_bytes());
    }

    fn name(&mut self, path: &Path) {
        let name = path.as_os_str().as_bytes();
        self.number(name.len() as u64);
        self.hasher.update(name);
    }
}

impl Visitor for Stats {
    /// What the archive says of it: the rest of it is not the layer's.
    fn parent(&mut self, path: &Path, found: &Metadata) -> Result<(), LayerError> {
        self.name(path);
        self.number(found.mode().into());
        self.number(found.uid().into());
        self.number(found.gid().into());
        Ok(())
    }

    fn path(&mut self, path: &Path, found: &Metadata, _: Owner) -> Result<(), LayerError> {
        self.name(path);
        self.number(found.mode().into());
        self.number(found.size());
        self.number(found.ino());
        self.number(found.rdev());
        let changed = (found.ctime(), found.ctime_nsec());
        if self.limit.is_some_and(|limit| changed > limit) {
            return Err(walk::changed(path));
        }
        for part in [found.mtime(), found.mtime_nsec(), changed.0, changed.1] {
            self.signed(part);
        }
        self.newest = self.newest.max(changed);
        self.is_trusted &= found.dev() == self.device;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(newest: ChangeTime) -> Taken {
        Taken {
            fingerprint: Digest::from_bytes([7; 32]),
            newest,
        }
    }

    #[test]
    fn a_change_in_the_present_tick_is_not_settled() {
        assert!(!taken((100, 5)).is_settled((100, 5)));
        assert!(!taken((100, 5)).is_settled((99, 900)));
        assert!(taken((100, 5)).is_settled((100, 6)));
    }

    #[test]
    fn times_without_fractions_may_be_two_seconds_old() {
        assert!(!taken((100, 0)).is_settled((101, 999)));
        assert!(taken((100, 0)).is_settled((102, 0)));
    }

    #[test]
    fn a_change_in_the_future_is_never_kept() {
        let (seconds, _) = now();
        assert_eq!(taken((seconds + 3600, 1)).settle(), None);
        let past = taken((seconds - 3600, 1));
        assert_eq!(past.settle(), Some(past));
    }
}
