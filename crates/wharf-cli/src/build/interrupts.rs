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

/// Watches for signals.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts {
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
            if self.seen.swap(signal as i32, Ordering::SeqCst) != 0 || child == 0 {
                // What is left of the build is removed at the next start.
                process::exit(128 + signal as i32);
            }
            let _ = kill(Pid::from_raw(child), signal);
        }
    }

    /// Names the process that signals go to; 0 for none.
    pub(crate) fn forward_to(&self, child: u32) {
        self.child.store(child.cast_signed(), Ordering::SeqCst);
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
