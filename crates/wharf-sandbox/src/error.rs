//! What can go wrong between the call and the first instruction of the sandboxed program.
use serde::{Deserialize, Serialize};
use std::{fmt, io, path::PathBuf};

/// A step of setting a sandbox up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Start a process.
    Fork,
    /// Tie the life of a process to its parent's.
    DieWithParent,
    /// Make namespaces.
    Unshare,
    /// Map user and group.
    MapIds,
    /// Keep mounts from reaching the host.
    PrivateMounts,
    /// Make directories for the root.
    PrepareRoot,
    /// Copy the root, where it cannot be stacked.
    CopyRoot,
    /// Mount the root.
    MountRoot,
    /// Make the root the root.
    PivotRoot,
    /// Mount `/proc`.
    MountProc,
    /// Fill `/dev`.
    MountDev,
    /// Mount a directory or file of the caller.
    Bind,
    /// Copy a file of the host.
    HostFile,
    /// Let go of the host's root.
    DetachHost,
    /// Set the host name.
    Hostname,
    /// Enter the working directory.
    WorkingDir,
    /// Give up privileges.
    DropPrivileges,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fork => "start process of sandbox",
            Self::DieWithParent => "tie sandbox to its parent",
            Self::Unshare => "make namespaces of sandbox",
            Self::MapIds => "map user of sandbox",
            Self::PrivateMounts => "separate mounts of sandbox",
            Self::PrepareRoot => "prepare root of sandbox",
            Self::CopyRoot => "copy root of sandbox",
            Self::MountRoot => "mount root of sandbox",
            Self::PivotRoot => "enter root of sandbox",
            Self::MountProc => "mount in sandbox",
            Self::MountDev => "make devices of sandbox",
            Self::Bind => "bind into sandbox",
            Self::HostFile => "copy into sandbox",
            Self::DetachHost => "leave root of host",
            Self::Hostname => "set host name of sandbox",
            Self::WorkingDir => "enter working directory of sandbox",
            Self::DropPrivileges => "drop privileges in sandbox",
        })
    }
}

/// A sandbox that could not be set up. Nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The calling process has several threads, so it cannot be forked safely.
    #[error("start sandbox from a process with {threads} threads, it must have one")]
    Threads {
        /// Threads of the process.
        threads: usize,
    },
    /// A step failed.
    #[error("{}", describe(*step, path.as_ref()))]
    Setup {
        /// The step.
        step: Step,
        /// The path it concerned.
        path: Option<PathBuf>,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The first process of the sandbox vanished without a word, for lack of memory for example.
    #[error("keep sandbox alive, its first process was killed")]
    Lost,
}

fn describe(step: Step, path: Option<&PathBuf>) -> String {
    path.map_or_else(
        || step.to_string(),
        |path| format!("{step} '{}'", path.display()),
    )
}

impl SandboxError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Setup {
                step: Step::Unshare | Step::MapIds | Step::PrivateMounts,
                ..
            } => Some(
                "unprivileged user namespaces are off: look at the sysctls user.max_user_namespaces, kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns",
            ),
            _ => None,
        }
    }
}

/// What a process inside reports of a failed step; errors themselves cannot cross a pipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetupFailure {
    step: Step,
    path: Option<PathBuf>,
    errno: i32,
}

impl SetupFailure {
    pub(crate) fn new(step: Step, path: Option<&std::path::Path>, error: &io::Error) -> Self {
        Self {
            step,
            path: path.map(Into::into),
            errno: error.raw_os_error().unwrap_or(nix::libc::EIO),
        }
    }
}

impl From<SetupFailure> for SandboxError {
    fn from(failure: SetupFailure) -> Self {
        Self::Setup {
            step: failure.step,
            path: failure.path,
            source: io::Error::from_raw_os_error(failure.errno),
        }
    }
}

/// Turns the error of a system call into a failed step.
pub(crate) trait At<T> {
    fn at(self, step: Step) -> Result<T, SetupFailure>;
    fn at_path(self, step: Step, path: impl AsRef<std::path::Path>) -> Result<T, SetupFailure>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, step: Step) -> Result<T, SetupFailure> {
        self.map_err(|error| SetupFailure::new(step, None, &error.into()))
    }

    fn at_path(self, step: Step, path: impl AsRef<std::path::Path>) -> Result<T, SetupFailure> {
        self.map_err(|error| SetupFailure::new(step, Some(path.as_ref()), &error.into()))
    }
}
