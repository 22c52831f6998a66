//! Why detection fails.
use crate::Trace;
use std::{error::Error, fmt::Write, io, path::PathBuf};
use wharf_buildpack::{StoreError, env_dir::EnvDirError};

/// What the lifecycle says when no group has passed: the message and what to look at.
pub const NO_GROUP: [&str; 2] = [
    "No buildpack groups passed detection.",
    "Please check that you are running against the correct path.",
];

/// A failed detection.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// No group has passed.
    #[error(
        "no buildpack group passed detection{}; check that the app directory is the right one, and the reason given for each buildpack",
        if *with_errors { " and at least one buildpack errored" } else { "" }
    )]
    NoGroup {
        /// Whether a buildpack errored, rather than failed.
        with_errors: bool,
        /// What happened.
        trace: Trace,
    },
    /// A buildpack speaks an API this lifecycle does not.
    #[error("start detection")]
    BuildpackApi {
        /// Which one.
        #[source]
        source: StoreError,
        /// What happened before.
        trace: Trace,
    },
    /// A buildpack of the order cannot be used.
    #[error("resolve order")]
    Buildpack {
        /// Which one.
        #[source]
        source: StoreError,
        /// What happened before.
        trace: Trace,
    },
    /// The app directory cannot be listed.
    #[error("list app directory '{}'", path.display())]
    App {
        /// The directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A composite buildpack contains itself.
    #[error("resolve order: composite buildpack '{buildpack}' contains itself, through {through}")]
    Cycle {
        /// The composite buildpack.
        buildpack: String,
        /// The composites between.
        through: String,
    },
    /// The order stands for too many groups.
    #[error(
        "resolve order: it stands for more than {limit} groups; nest fewer composite buildpacks"
    )]
    TooManyGroups {
        /// The limit.
        limit: usize,
    },
    /// The alternatives of the build plans cannot be tried in reasonable time.
    #[error(
        "resolve plan: no result after {limit} tries over the 'or' alternatives of the group's buildpacks"
    )]
    PlanTooComplex {
        /// The limit.
        limit: usize,
    },
    /// The variables of user or operator cannot be read.
    #[error("read environment")]
    Environment(#[from] EnvDirError),
    /// Temporary files cannot be written.
    #[error("prepare temporary file '{}'", path.display())]
    Temporary {
        /// The path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The token was set.
    #[error("finish detection: cancelled")]
    Cancelled,
}

impl DetectError {
    /// What happened before, where that tells something; `log` has got it too.
    pub fn trace(&self) -> Option<&Trace> {
        match self {
            Self::NoGroup { trace, .. }
            | Self::BuildpackApi { trace, .. }
            | Self::Buildpack { trace, .. } => Some(trace),
            _ => None,
        }
    }

    pub(crate) fn with_trace(mut self, lines: Trace) -> Self {
        if let Self::NoGroup { trace, .. }
        | Self::BuildpackApi { trace, .. }
        | Self::Buildpack { trace, .. } = &mut self
        {
            *trace = lines;
        }
        self
    }
}

impl From<StoreError> for DetectError {
    fn from(source: StoreError) -> Self {
        let trace = Trace::default();
        match source {
            StoreError::Api { .. } => Self::BuildpackApi { source, trace },
            _ => Self::Buildpack { source, trace },
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
