//! What was done so far: lines that are appended and synced, whatever becomes of the process.
//!
//! Before a tag is written, the journal says what will be written. A killed apply therefore knows its own work again:
//! a tag that has the announced digest is done.
mod lock;
mod read;

pub use read::{ImageState, State, Written, read_all};

use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// When (RFC 3339).
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// An apply or a rollback began.
    Began {
        /// Digest of the plan.
        plan: String,
        /// "apply" or "rollback".
        what: String,
        /// Who.
        who: String,
        /// `K/N`.
        shard: String,
    },
    /// These tags are about to be written.
    Writing {
        /// [`PlannedImage::key`](crate::plan::PlannedImage::key).
        image: String,
        /// Digest that they will have.
        new: String,
        /// The tags.
        tags: Vec<String>,
    },
    /// They were written, read back and compared.
    Done {
        /// Which.
        image: String,
        /// Digest that they have.
        new: String,
        /// The tags.
        tags: Vec<String>,
    },
    /// Nothing had to be done, or could be.
    Skipped {
        /// Which.
        image: String,
        /// Why.
        why: String,
    },
    /// It failed.
    Failed {
        /// Which.
        image: String,
        /// Why.
        why: String,
    },
    /// The command for canaries accepted it.
    Accepted {
        /// Which.
        image: String,
    },
    /// The command for canaries refused it.
    Rejected {
        /// Which.
        image: String,
        /// Why.
        why: String,
    },
    /// The old digest is back under these tags.
    RolledBack {
        /// Which.
        image: String,
        /// The tags.
        tags: Vec<String>,
    },
}

impl Event {
    /// The image it is of; empty for what is of none.
    pub fn image(&self) -> &str {
        match self {
            Self::Began { .. } => "",
            Self::Writing { image, .. }
            | Self::Done { image, .. }
            | Self::Skipped { image, .. }
            | Self::Failed { image, .. }
            | Self::Accepted { image }
            | Self::Rejected { image, .. }
            | Self::RolledBack { image, .. } => image,
        }
    }
}

/// A journal that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file operation failed.
    #[error("{action} '{path}'")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else works on the plan.
    #[error("'{path}' is in use: another apply or rollback works on this plan")]
    Locked {
        /// The file.
        path: String,
    },
    /// It belongs to another plan.
    #[error(
        "'{path}' belongs to another plan ({found}); move it away, or use the plan it was made with"
    )]
    OtherPlan {
        /// The file.
        path: String,
        /// Digest of that plan.
        found: String,
    },
    /// A line in the middle is damaged.
    #[error("line {line} of '{path}' is damaged: {reason}; what was done after it is unknown")]
    Damaged {
        /// The file.
        path: String,
        /// Number of the line.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

pub(crate) fn io_error(action: &'static str, path: &Path, source: io::Error) -> JournalError {
    JournalError::Io {
        action,
        path: path.display().to_string(),
        source,
    }
}

/// A part of the plan: the `number`th of `of`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Whether a repository belongs to this part. All images of a repository do or do not, so that no two parts work on
    /// one repository.
    pub fn has(self, repository: &str) -> bool {
        // FNV-1a: the same on every machine and in every version.
        let hash = repository
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            });
        hash % u64::from(self.of.max(1)) == u64::from(self.number.saturating_sub(1))
    }

    fn file(self, stem: &Path) -> PathBuf {
        let mut name = stem.as_os_str().to_owned();
        if self != Self::WHOLE {
            name.push(format!(".{}-of-{}", self.number, self.of));
        }
        name.into()
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// An open journal; nobody else has it as long as it lives.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    state: Mutex<Pending>,
    synced: Condvar,
    /// Held, never read: whoever works on parts shares it, whoever works on all has it alone.
    _plan_lock: File,
}

#[derive(Debug)]
struct Pending {
    file: Option<File>,
    lines: Vec<u8>,
    appended: u64,
    synced: u64,
    failed: Option<String>,
}

impl Journal {
    /// Opens or makes the journal of `shard` beside `stem`, and reads what all journals of the plan hold.
    ///
    /// Parts may be worked on at the same time as long as all are parts of the same number. A line that was cut off at
    /// the end, by a crash, is removed.
    pub fn open(stem: &Path, shard: Shard, plan: &str) -> Result<(Self, State), JournalError> {
        let plan_lock = lock::lock_plan(stem, shard)?;
        let path = shard.file(stem);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|source| io_error("open", &path, source))?;
        file.try_lock().map_err(|_| JournalError::Locked {
            path: path.display().to_string(),
        })?;
        lock::cut_half_line(&mut file).map_err(|source| io_error("repair", &path, source))?;
        let state = read_all(stem, plan)?;
        let journal = Self {
            path,
            state: Mutex::new(Pending {
                file: Some(file),
                lines: Vec::new(),
                appended: 0,
                synced: 0,
                failed: None,
            }),
            synced: Condvar::new(),
            _plan_lock: plan_lock,
        };
        Ok((journal, state))
    }

    /// Appends a line that nothing depends on yet: it is on disk with the next one that is [appended](Self::append), or
    /// when the journal is [closed](Self::sync). Without it, the next apply asks the registry.
    pub fn append_later(&self, line: &Line) -> Result<(), JournalError> {
        self.add(line).map(drop)
    }

    /// Appends a line; it is on disk when this returns. Threads that come at the same time share one sync.
    pub fn append(&self, line: &Line) -> Result<(), JournalError> {
        let own = self.add(line)?;
        self.wait_for(own)
    }

    /// Returns when everything is on disk.
    pub fn sync(&self) -> Result<(), JournalError> {
        let all = self.state().appended;
        self.wait_for(all)
    }

    /// Returns the number of the line.
    fn add(&self, line: &Line) -> Result<u64, JournalError> {
        let text = serde_json::to_string(line)
            .map_err(|error| io_error("write", &self.path, io::Error::other(error)))?;
        let mut state = self.state();
        state.lines.extend_from_slice(text.as_bytes());
        state.lines.push(b'\n');
        state.appended += 1;
        Ok(state.appended)
    }

    fn wait_for(&self, own: u64) -> Result<(), JournalError> {
        let mut state = self.state();
        loop {
            if let Some(why) = &state.failed {
                let error = io::Error::other(why.clone());
                return Err(io_error("write", &self.path, error));
            }
            if state.synced >= own {
                return Ok(());
            }
            let Some(mut file) = state.file.take() else {
                state = self
                    .synced
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let lines = std::mem::take(&mut state.lines);
            let upto = state.appended;
            drop(state);
            let written = file.write_all(&lines).and_then(|()| file.sync_data());
            state = self.state();
            state.file = Some(file);
            match written {
                Ok(()) => state.synced = upto,
                Err(error) => state.failed = Some(error.to_string()),
            }
            self.synced.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, Pending> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
