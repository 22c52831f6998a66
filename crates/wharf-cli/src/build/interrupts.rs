//! Signals that ask for the end: passed on to the phase that runs, so that it ends first.
use anyhow::{Context, Result};
use nix::{
    sys::signal::{SigSet, Signal, kill},
    unistd::Pid,
};
use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    thread,
};

/// No phase is under way: a signal ends the process.
const OUTSIDE: i32 = 0;
/// The next phase has no process yet: a signal is remembered for it.
const BETWEEN: i32 = -1;

/// Watches for signals.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts {
    /// The process that signals go to, [`OUTSIDE`] or [`BETWEEN`].
    child: Arc<AtomicI32>,
    /// The first signal; 0 for none.
    seen: Arc<AtomicI32>,
}

fn signals() -> SigSet {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        set.add(signal);
    }
    set
}

impl Interrupts {
    /// Starts watching. Must be called before there are other threads.
    pub(crate) fn install() -> Result<Self> {
        let set = signals();
        set.thread_block().context("block signals")?;
        let interrupts = Self {
            child: Arc::default(),
            seen: Arc::default(),
        };
        let watcher = interrupts.clone();
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || watcher.watch(&set))
            .context("watch for signals")?;
        Ok(interrupts)
    }

    fn watch(&self, set: &SigSet) {
        while let Ok(signal) = set.wait() {
            let child = self.child.load(Ordering::SeqCst);
            let again = self.seen.swap(signal as i32, Ordering::SeqCst) != 0;
            if again || child == OUTSIDE {
                // What is left of the build is removed at the next start.
                process::exit(128 + signal as i32);
            }
            if child != BETWEEN {
                let _ = kill(Pid::from_raw(child), signal);
            }
        }
    }

    /// From here on signals wait for the process of a phase.
    pub(crate) fn hold(&self) {
        self.child.store(BETWEEN, Ordering::SeqCst);
    }

    /// From here on signals end this process.
    pub(crate) fn release(&self) {
        self.child.store(OUTSIDE, Ordering::SeqCst);
    }

    /// Names the process that signals go to, and tells it of one that came before.
    pub(crate) fn forward_to(&self, child: u32) {
        let child = child.cast_signed();
        self.child.store(child, Ordering::SeqCst);
        if self.seen().is_some() {
            let _ = kill(Pid::from_raw(child), Signal::SIGTERM);
        }
    }

    /// The signal that came.
    pub(crate) fn seen(&self) -> Option<i32> {
        Some(self.seen.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Undoes the blocking, which child processes inherit.
    pub(crate) fn unblock() {
        let _ = signals().thread_unblock();
    }
}
