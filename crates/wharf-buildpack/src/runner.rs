//! The trait that runs buildpack executables.
use crate::Request;
use std::{
    fmt,
    io::{self, Write},
    path::PathBuf,
};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With a status.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl Exit {
    /// The status; -1 when a signal ended the process.
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(_) => -1,
        }
    }

    /// Whether the status is 0.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// A run whose output was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended.
    pub exit: Exit,
    /// Standard output and standard error as they came, cut off with a note when there is too much.
    pub output: Vec<u8>,
}

/// A run that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The executable is not there.
    #[error("run '{}': there is no such file; a buildpack without an order needs it", path.display())]
    Missing {
        /// The executable.
        path: PathBuf,
    },
    /// The file may not be executed.
    #[error("run '{}': it is not an executable file; set its execute bits", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
    /// The process could not be started.
    #[error("run '{}'", path.display())]
    Spawn {
        /// The executable.
        path: PathBuf,
        /// Why it failed; a missing interpreter shows up here as "not found".
        #[source]
        source: io::Error,
    },
    /// The process could not be waited for, or its output not be read.
    #[error("wait for '{}'", path.display())]
    Wait {
        /// The executable.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The output could not be passed on.
    #[error("pass on the output of '{}'", path.display())]
    Output {
        /// The executable.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The phase was cancelled while the process ran; it has been killed.
    #[error("finish '{}': cancelled", path.display())]
    Cancelled {
        /// The executable.
        path: PathBuf,
    },
}

/// Runs the executables of buildpacks. Called from several threads during detection.
pub trait BuildpackRunner: Sync {
    /// Runs `bin/detect` and keeps its output.
    fn detect(&self, request: &Request) -> Result<Captured, RunError>;

    /// Runs `bin/build` and passes its output on to `out` as it comes.
    fn build(&self, request: &Request, out: &mut dyn Write) -> Result<Exit, RunError>;
}
