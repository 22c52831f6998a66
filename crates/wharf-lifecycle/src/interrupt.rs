//! SIGTERM and SIGINT: also as the first process of a container, where they would otherwise be ignored.
//!
//! The signals are blocked in every thread and waited for by one, so nothing runs inside a signal handler. Child
//! processes start with an empty signal mask.
use nix::sys::signal::{SigSet, Signal};
use std::{
    path::PathBuf,
    process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use wharf_buildpack::Cancel;

/// Longest wait for buildpacks to end before this process does.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shared between the phase and the thread that waits for signals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    cancel: Cancel,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    /// Exit status of the signal that came.
    status: Option<u8>,
    /// Whether buildpacks are running, which end on `cancel`.
    buildpacks: bool,
    /// What to remove before ending.
    temporary: Option<PathBuf>,
}

impl Interrupt {
    /// Blocks the signals in this thread and all it starts from now on.
    pub(crate) fn block() -> nix::Result<()> {
        signals().thread_block()
    }

    /// Starts the thread that waits.
    pub(crate) fn listen(&self) {
        let interrupt = self.clone();
        // Without the thread, signals stay pending: the phase ends as if none had come.
        let _ = thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || interrupt.wait());
    }

    /// The token that ends buildpacks.
    pub(crate) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// The status to end with, when a signal has come.
    pub(crate) fn status(&self) -> Option<u8> {
        self.lock().status
    }

    /// Names the directory to remove when a signal ends this process.
    pub(crate) fn remove_at_end(&self, directory: PathBuf) {
        self.lock().temporary = Some(directory);
    }

    /// Runs `work`, in which buildpacks run: a signal ends them, then `work` ends.
    pub(crate) fn with_buildpacks<T>(&self, work: impl FnOnce() -> T) -> T {
        self.lock().buildpacks = true;
        let result = work();
        self.lock().buildpacks = false;
        self.state.1.notify_all();
        result
    }

    fn wait(&self) {
        let Ok(signal) = signals().wait() else {
            return;
        };
        let status = u8::try_from(128 + signal as i32).unwrap_or(u8::MAX);
        let mut state = self.lock();
        state.status = Some(status);
        self.cancel.cancel();
        if state.buildpacks {
            let (_, condition) = &*self.state;
            let waited = condition.wait_timeout_while(state, PATIENCE, |state| state.buildpacks);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if let Some(directory) = state.temporary.take() {
            let _ = std::fs::remove_dir_all(directory);
        }
        process::exit(i32::from(status));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signals() -> SigSet {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.add(Signal::SIGINT);
    set
}
