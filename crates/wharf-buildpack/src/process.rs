//! Buildpacks as child processes, each in a process group of its own.
use crate::{BuildpackRunner, Cancel, Captured, Exit, Request, RunError};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::{AccessFlags, Pid, access},
};
use std::{
    io::{self, PipeReader, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long it takes at most until a cancelled run notices.
pub const TICK: Duration = Duration::from_millis(50);
/// How much output of `bin/detect` is kept.
pub const CAPTURE_LIMIT: usize = 4 * 1024 * 1024;
/// Between SIGTERM and SIGKILL, and for helpers of a finished script to pass on its last lines.
const GRACE: Duration = Duration::from_secs(3);

/// Starts child processes: environment only as given, standard input empty, no descriptor inherited but 0 to 2. What
/// is left of the process group is killed when the executable ends, or when the token is set.
///
/// The umask is inherited; executables set it once at their start.
#[derive(Debug, Clone)]
pub struct ProcessRunner {
    cancel: Cancel,
    grace: Duration,
}

impl ProcessRunner {
    /// A runner that stops when `cancel` is set.
    ///
    /// Marks every descriptor this process has inherited to be closed in its children.
    pub fn new(cancel: Cancel) -> Self {
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        Self {
            cancel,
            grace: GRACE,
        }
    }

    /// Changes how long a process may take to end after SIGTERM, and how long what a finished executable has left
    /// running may go on writing.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    fn run(&self, request: &Request, out: &mut dyn Write) -> Result<Exit, RunError> {
        let path = || request.program.clone();
        let cancelled = || RunError::Cancelled { path: path() };
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        check(&request.program)?;
        let (child, output) = spawn(request).map_err(|source| RunError::Spawn {
            path: path(),
            source,
        })?;
        let mut run = Run {
            group: Group::of(child),
            output: Some(output),
            grace: self.grace,
        };
        let ended = run.follow(&self.cancel, out);
        let exit = run.group.end();
        match ended {
            Ok(End::Exited) => exit.map_err(|source| RunError::Wait {
                path: path(),
                source,
            }),
            Ok(End::Cancelled) => Err(cancelled()),
            Err(Failure::Wait(source)) => Err(RunError::Wait {
                path: path(),
                source,
            }),
            Err(Failure::Output(source)) => Err(RunError::Output {
                path: path(),
                source,
            }),
        }
    }
}

impl BuildpackRunner for ProcessRunner {
    fn detect(&self, request: &Request) -> Result<Captured, RunError> {
        let mut kept = Kept::default();
        let exit = self.run(request, &mut kept)?;
        Ok(Captured {
            exit,
            output: kept.finish(),
        })
    }

    fn build(&self, request: &Request, out: &mut dyn Write) -> Result<Exit, RunError> {
        self.run(request, out)
    }
}

/// Looks at the file before it is started: the kernel's "not found" may also mean a missing interpreter.
fn check(program: &Path) -> Result<(), RunError> {
    let path = program.to_owned();
    match program.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RunError::Missing { path }),
        Err(source) => Err(RunError::Spawn { path, source }),
        Ok(metadata) if !metadata.is_file() => Err(RunError::NotExecutable { path }),
        Ok(_) => match access(program, AccessFlags::X_OK) {
            Ok(()) => Ok(()),
            Err(Errno::EACCES) => Err(RunError::NotExecutable { path }),
            Err(errno) => Err(RunError::Spawn {
                path,
                source: errno.into(),
            }),
        },
    }
}

/// One pipe for standard output and standard error keeps their lines in order.
fn spawn(request: &Request) -> io::Result<(Child, PipeReader)> {
    let (reader, writer) = io::pipe()?;
    let mut command = Command::new(&request.program);
    command
        .args(&request.arguments)
        .env_clear()
        .envs(request.env.iter())
        .current_dir(&request.working_dir)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0);
    for _ in 0..20 {
        match command.spawn() {
            // Another thread is between fork and exec and still has the file open for writing.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(10));
            }
            other => return Ok((other?, reader)),
        }
    }
    Ok((command.spawn()?, reader))
}

/// A child and everything in its process group; killed when dropped.
struct Group {
    child: Child,
    id: Pid,
    reaped: bool,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = Pid::from_raw(child.id().try_into().unwrap_or(i32::MAX));
        Self {
            child,
            id,
            reaped: false,
        }
    }

    fn signal(&self, signal: Signal) {
        // Fails only when nothing is left of the group.
        let _ = killpg(self.id, signal);
    }

    /// Whether the leader has ended. It is not reaped, so that the group keeps its id.
    fn has_ended(&self) -> io::Result<bool> {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        match waitid(Id::Pid(self.id), flags) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => Ok(false),
            Ok(_) => Ok(true),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Kills what is left and reaps the leader.
    fn end(&mut self) -> io::Result<Exit> {
        use std::os::unix::process::ExitStatusExt;
        self.signal(Signal::SIGKILL);
        self.reaped = true;
        let status = self.child.wait()?;
        Ok(match status.code() {
            Some(code) => Exit::Code(code),
            None => Exit::Signal(status.signal().unwrap_or_default()),
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = self.end();
        }
    }
}

enum End {
    Exited,
    Cancelled,
}

enum Failure {
    Wait(io::Error),
    Output(io::Error),
}

struct Run {
    group: Group,
    /// `None` once every writer has closed it.
    output: Option<PipeReader>,
    grace: Duration,
}

impl Run {
    /// Passes output on until the leader has ended and its output is complete, or the grace is over.
    fn follow(&mut self, cancel: &Cancel, out: &mut dyn Write) -> Result<End, Failure> {
        let mut exited: Option<Instant> = None;
        let mut pause = Duration::from_millis(1);
        loop {
            if cancel.is_cancelled() {
                self.terminate(out)?;
                return Ok(End::Cancelled);
            }
            if exited.is_none() && self.group.has_ended().map_err(Failure::Wait)? {
                exited = Some(Instant::now());
            }
            let over = exited.is_some_and(|since| since.elapsed() >= self.grace);
            match (&self.output, exited) {
                (None, Some(_)) => return Ok(End::Exited),
                (Some(_), Some(_)) if over => return Ok(End::Exited),
                (Some(_), _) => self.pass_on(out)?,
                (None, None) => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(TICK);
                }
            }
        }
    }

    /// Waits for output up to a tick and passes on what is there.
    fn pass_on(&mut self, out: &mut dyn Write) -> Result<(), Failure> {
        let Some(output) = &mut self.output else {
            return Ok(());
        };
        let mut fds = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(TICK).unwrap_or(PollTimeout::ZERO);
        match poll(&mut fds, timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(()),
            Ok(_) => {}
            Err(errno) => return Err(Failure::Wait(errno.into())),
        }
        let mut buffer = [0; 16 * 1024];
        match output.read(&mut buffer).map_err(Failure::Wait)? {
            0 => self.output = None,
            length => out
                .write_all(&buffer[..length])
                .and_then(|()| out.flush())
                .map_err(Failure::Output)?,
        }
        Ok(())
    }

    /// Asks the group to end and gives it the grace to do so; its last words still come through.
    fn terminate(&mut self, out: &mut dyn Write) -> Result<(), Failure> {
        self.group.signal(Signal::SIGTERM);
        let since = Instant::now();
        let mut pause = Duration::from_millis(1);
        while since.elapsed() < self.grace {
            if self.group.has_ended().map_err(Failure::Wait)? {
                break;
            }
            if self.output.is_some() {
                self.pass_on(out)?;
            } else {
                thread::sleep(pause);
                pause = (pause * 2).min(TICK);
            }
        }
        Ok(())
    }
}

/// Output up to [`CAPTURE_LIMIT`]; the rest is counted and dropped, so that the process never waits for us.
#[derive(Default)]
struct Kept {
    output: Vec<u8>,
    dropped: usize,
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CAPTURE_LIMIT - self.output.len();
        let kept = bytes.len().min(room);
        self.output.extend_from_slice(&bytes[..kept]);
        self.dropped += bytes.len() - kept;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn finish(mut self) -> Vec<u8> {
        if self.dropped > 0 {
            let note = format!("\n[{} more bytes of output left out]\n", self.dropped);
            self.output.extend_from_slice(note.as_bytes());
        }
        self.output
    }
}
