//! Waiting for a process while passing on the signals that ask for its end.
use nix::{
    errno::Errno,
    sys::{
        signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// The signal mask to return to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signals(SigSet);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Code(u8),
    Signal(i32),
}

/// Who gets the signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The process alone.
    Process,
    /// Everybody in the session it leads.
    Session,
}

const FORWARDED: [Signal; 6] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

fn waited_for() -> SigSet {
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    for signal in FORWARDED {
        set.add(signal);
    }
    set
}

/// Keeps the signals pending so that [`supervise`] can take them one by one.
pub(crate) fn block_signals() -> nix::Result<Signals> {
    let mut old = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&waited_for()), Some(&mut old))?;
    Ok(Signals(old))
}

/// Returns to the mask before [`block_signals`].
pub(crate) fn restore_signals(signals: &Signals) {
    // Cannot fail: the mask came from the kernel.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&signals.0), None);
}

/// Waits for `child` and forwards signals to it. Signals must be blocked.
pub(crate) fn supervise(child: Pid, target: Target) -> nix::Result<Outcome> {
    let set = waited_for();
    loop {
        if let Some(outcome) = reap(child, target)? {
            return Ok(outcome);
        }
        match set.wait() {
            Ok(Signal::SIGCHLD) | Err(Errno::EINTR) => {}
            Ok(signal) => forward(child, target, signal),
            Err(error) => return Err(error),
        }
    }
}

fn forward(child: Pid, target: Target, signal: Signal) {
    // Before the child leads its session there is no such group yet; then it gets the signal alone.
    let group = Pid::from_raw(-child.as_raw());
    if target == Target::Process || kill(group, signal).is_err() {
        let _ = kill(child, signal);
    }
}

fn reap(child: Pid, target: Target) -> nix::Result<Option<Outcome>> {
    // Only process 1 inherits the children of others; elsewhere they are not ours to reap.
    let whom = (target == Target::Process).then_some(child);
    loop {
        match waitpid(whom, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => {
                return Ok(Some(Outcome::Code(u8::try_from(code).unwrap_or(u8::MAX))));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(Some(Outcome::Signal(signal as i32)));
            }
            Ok(WaitStatus::StillAlive) => return Ok(None),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}
