//! What a sandboxed process sees.
use crate::{
    environment,
    error::{At, SandboxError, SetupFailure, Step},
    mounts, namespaces, privileges,
    supervise::{self, Outcome},
};
use nix::unistd::{ForkResult, Pid, fork};
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

/// A user and group as the process sees them; outside they are the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Numeric user.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
}

/// How the writable root is made from the shared one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Stacking {
    /// Overlay; a copy where the kernel or the file system does not allow it.
    #[default]
    Overlay,
    /// Always a copy.
    Copy,
}

/// The root file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The shared directory; never written to.
    pub lower: PathBuf,
    /// An existing empty directory for what the process changes. The caller removes it, with
    /// [`crate::tree::remove`], when it is no longer wanted.
    pub scratch: PathBuf,
    /// How the two are put together.
    pub stacking: Stacking,
}

/// Whether a bind can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BindAccess {
    /// No.
    ReadOnly,
    /// Yes.
    ReadWrite,
}

/// A directory or file of the caller that the process sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Path outside.
    pub source: PathBuf,
    /// Absolute path inside; made when missing.
    pub target: PathBuf,
    /// Whether it can be written to.
    pub access: BindAccess,
}

/// What network the process sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Network {
    /// The host's, with its resolver configuration.
    #[default]
    Host,
    /// None.
    None,
}

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// It returned or exited with a status.
    Code(u8),
    /// A signal killed it.
    Signal(i32),
}

impl Exit {
    /// Whether the status is 0.
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }

    /// The status a shell would show.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

/// A sandbox to be; a plain value that can be sent to the process that will run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// The root file system.
    pub root: Root,
    /// The user.
    pub user: User,
    /// Directories and files of the caller, mounted in this order.
    pub binds: Vec<Bind>,
    /// The host name.
    pub hostname: String,
    /// Where the process starts; made when missing.
    pub working_dir: PathBuf,
    /// The network.
    pub network: Network,
    /// The variables of the program; there are no others.
    pub environment: Vec<(OsString, OsString)>,
}

impl Sandbox {
    /// A sandbox with nothing of the caller in it.
    pub fn new(root: Root, user: User) -> Self {
        Self {
            root,
            user,
            binds: Vec::new(),
            hostname: "sandbox".into(),
            working_dir: "/".into(),
            network: Network::Host,
            environment: Vec::new(),
        }
    }

    /// Adds a variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Adds a bind.
    #[must_use]
    pub fn bind(
        mut self,
        source: impl Into<PathBuf>,
        target: impl Into<PathBuf>,
        access: BindAccess,
    ) -> Self {
        self.binds.push(Bind {
            source: source.into(),
            target: target.into(),
            access,
        });
        self
    }

    /// Runs `program` inside and waits for its end; everything it started ends with it.
    ///
    /// The calling process must have a single thread. `program` runs in a child of it, with the caller's memory: start
    /// a fresh process with nothing but what the program may know, and call this first thing. That process itself must
    /// not be started with [`Sandbox::environment`]: it runs on the host, where `LD_PRELOAD` would be obeyed. Standard input is `/dev/null`, output and errors are the caller's. Signals that ask the caller to
    /// end go to the program. Whatever kills the caller kills the sandbox.
    pub fn run(&self, program: impl FnOnce() -> u8) -> Result<Exit, SandboxError> {
        let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
        if threads != 1 {
            return Err(SandboxError::Threads { threads });
        }
        let setup = |error: io::Error, step| SetupFailure::new(step, None, &error);
        let (reader, writer) = io::pipe().map_err(|error| setup(error, Step::Fork))?;
        flush();
        let signals = supervise::block_signals().at(Step::Fork)?;
        let report = File::from(std::os::fd::OwnedFd::from(writer));
        let parent = Pid::this();
        let outcome = match fork_process()? {
            Some(child) => {
                drop(report);
                let outcome = supervise::supervise(child, supervise::Target::Process);
                supervise::restore_signals(&signals);
                outcome.at(Step::Fork)?
            }
            None => self.outer_process(parent, report, &signals, program),
        };
        let mut text = String::new();
        let _ = File::from(std::os::fd::OwnedFd::from(reader)).read_to_string(&mut text);
        match serde_json::from_str(&text) {
            Ok(Report::Failed(failure)) => Err(failure.into()),
            Ok(Report::Ended(exit)) => Ok(exit),
            Err(_) => match outcome {
                Outcome::Signal(signal) if signal != nix::libc::SIGKILL => Ok(Exit::Signal(signal)),
                _ => Err(SandboxError::Lost),
            },
        }
    }

    /// The process that makes the namespaces; it stays outside of the process namespace and waits.
    fn outer_process(
        &self,
        parent: Pid,
        report: File,
        signals: &supervise::Signals,
        program: impl FnOnce() -> u8,
    ) -> ! {
        let made = namespaces::die_with(parent)
            .and_then(|()| namespaces::unshare_all(self.user, self.network))
            .and_then(|()| fork_process());
        match made {
            Ok(Some(child)) => {
                drop(report);
                let _ = supervise::supervise(child, supervise::Target::Process);
                exit_now(0)
            }
            Ok(None) => self.first_process(report, signals, program),
            Err(failure) => {
                send(&report, &Report::Failed(failure));
                exit_now(1)
            }
        }
    }

    /// Process 1 inside: builds the root, starts the program, reaps.
    fn first_process(
        &self,
        report: File,
        signals: &supervise::Signals,
        program: impl FnOnce() -> u8,
    ) -> ! {
        let ready = namespaces::die_with_creator()
            .and_then(|()| mounts::enter(self))
            .and_then(|()| privileges::drop_all())
            .and_then(|()| fork_process());
        let child = match ready {
            Ok(Some(child)) => child,
            Ok(None) => {
                drop(report);
                exit_now(self.run_program(signals, program))
            }
            Err(failure) => {
                send(&report, &Report::Failed(failure));
                exit_now(1)
            }
        };
        if let Ok(outcome) = supervise::supervise(child, supervise::Target::Session) {
            let exit = match outcome {
                Outcome::Code(code) => Exit::Code(code),
                Outcome::Signal(signal) => Exit::Signal(signal),
            };
            send(&report, &Report::Ended(exit));
        }
        exit_now(0)
    }

    /// The program's own process, in a session of its own so that it cannot type into the caller's terminal.
    fn run_program(&self, signals: &supervise::Signals, program: impl FnOnce() -> u8) -> u8 {
        let _ = nix::unistd::setsid();
        if let Ok(null) = File::open("/dev/null") {
            let _ = nix::unistd::dup2_stdin(&null);
        }
        environment::replace(&self.environment);
        supervise::restore_signals(signals);
        let code = catch_unwind(AssertUnwindSafe(program)).unwrap_or(101);
        flush();
        code
    }
}

/// What the first process says before it ends.
#[derive(Debug, Serialize, Deserialize)]
enum Report {
    Failed(SetupFailure),
    Ended(Exit),
}

fn send(mut report: &File, message: &Report) {
    if let Ok(text) = serde_json::to_vec(message) {
        // Nobody is left to tell when the pipe is gone.
        let _ = report.write_all(&text);
    }
}

fn flush() {
    let _ = io::stdout().flush();
    let _ = io::stderr().flush();
}

/// Forks; `None` in the child.
#[expect(unsafe_code, reason = "fork")]
fn fork_process() -> Result<Option<Pid>, SetupFailure> {
    // SAFETY: `Sandbox::run` has made sure that there is a single thread, and each process on the way is a fresh
    // fork, so no lock is held by a thread that the child lacks.
    match unsafe { fork() }.at(Step::Fork)? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Ends the process without running what the caller registered for its own end.
#[expect(unsafe_code, reason = "_exit")]
fn exit_now(code: u8) -> ! {
    // SAFETY: _exit takes any status and does not return.
    unsafe { nix::libc::_exit(code.into()) }
}
