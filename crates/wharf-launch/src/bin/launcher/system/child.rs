//! Runs a program to its end and collects what it writes to file descriptor 3.
use super::{CText, CTexts, Descriptor, descriptor, errno, read_some};
use alloc::vec::Vec;
use core::ffi::c_int;
use wharf_env::Env;
use wharf_launch::host::{Errno, RunError};

/// Where the program finds its pipe.
const OUTPUT: c_int = 3;

pub(super) fn run(
    program: &[u8],
    env: &Env,
    directory: &[u8],
    limit: usize,
) -> Result<Vec<u8>, RunError> {
    let (output, output_end) = pipe().map_err(RunError::Start)?;
    let (failure, failure_end) = pipe().map_err(RunError::Start)?;
    let (path, directory) = (CText::new(program), CText::new(directory));
    let argv = CTexts::new(core::iter::once(program.to_vec()));
    let env = CTexts::from_env(env);
    // SAFETY: there is one thread, so the child may use everything; it only makes system calls until it is replaced.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(RunError::Start(errno()));
    }
    if child == 0 {
        // SAFETY: all texts and arrays are terminated; `_exit` runs no code of this program.
        unsafe {
            let _ = libc::chdir(directory.pointer()) == 0
                && libc::dup2(output_end.0, OUTPUT) == OUTPUT
                && libc::execve(path.pointer(), argv.pointer(), env.pointer()) == 0;
            let reason = errno().0.to_ne_bytes();
            libc::write(failure_end.0, reason.as_ptr().cast(), reason.len());
            libc::_exit(127)
        }
    }
    drop((output_end, failure_end));
    let started = started(&failure);
    let collected = started.and_then(|()| collect(child, &output, limit));
    if collected.is_err() {
        // SAFETY: the child has not been waited for, so its number is still its own.
        unsafe { libc::kill(child, libc::SIGKILL) };
    }
    let ended = wait(child);
    collected.and_then(|output| ended.map(|()| output))
}

/// Waits until the child was replaced (the pipe closes) or says why not.
fn started(failure: &Descriptor) -> Result<(), RunError> {
    let mut reason = Vec::new();
    while read_some(failure, &mut reason).map_err(RunError::Start)? {}
    match reason.first_chunk() {
        Some(bytes) => Err(RunError::Start(Errno(c_int::from_ne_bytes(*bytes)))),
        None => Ok(()),
    }
}

/// Reads until the pipe closes, or until the child has ended and the pipe is empty: a program it left behind may
/// hold the pipe open for ever.
fn collect(child: libc::pid_t, output: &Descriptor, limit: usize) -> Result<Vec<u8>, RunError> {
    // SAFETY: a plain system call. Kernels before 5.3 refuse it, and then the pipe alone decides.
    let process = descriptor(unsafe {
        let number = libc::syscall(libc::SYS_pidfd_open, child, 0);
        c_int::try_from(number).unwrap_or(-1)
    });
    let ended = process.as_ref().map_or(-1, |process| process.0);
    let mut collected = Vec::new();
    loop {
        let watch = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut watched = [watch(output.0), watch(ended)];
        // SAFETY: the array holds two elements; a negative descriptor is passed over.
        if unsafe { libc::poll(watched.as_mut_ptr(), 2, -1) } < 0 {
            match errno() {
                Errno(libc::EINTR) => continue,
                other => return Err(RunError::Output(other)),
            }
        }
        let has_output = watched[0].revents != 0;
        if !has_output || !read_some(output, &mut collected).map_err(RunError::Output)? {
            return Ok(collected);
        }
        if collected.len() > limit {
            return Err(RunError::TooMuchOutput(limit));
        }
    }
}

fn wait(child: libc::pid_t) -> Result<(), RunError> {
    let mut status = 0;
    // SAFETY: the child is ours and has not been waited for.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {
        if errno().0 != libc::EINTR {
            return Err(RunError::Output(errno()));
        }
    }
    if libc::WIFSIGNALED(status) {
        Err(RunError::Signal(libc::WTERMSIG(status)))
    } else {
        match libc::WEXITSTATUS(status) {
            0 => Ok(()),
            code => Err(RunError::Status(code)),
        }
    }
}

/// A pipe that closes on exec, clear of the descriptor the child's output gets.
fn pipe() -> Result<(Descriptor, Descriptor), Errno> {
    let mut ends = [0; 2];
    // SAFETY: the array holds two elements.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(errno());
    }
    let [read, write] = ends.map(Descriptor);
    Ok((above_output(&read)?, above_output(&write)?))
}

fn above_output(low: &Descriptor) -> Result<Descriptor, Errno> {
    // SAFETY: the descriptor is open.
    descriptor(unsafe { libc::fcntl(low.0, libc::F_DUPFD_CLOEXEC, OUTPUT + 1) })
}
