//! SIGTERM and SIGINT: also as the first process of a container, where they would otherwise be ignored.
//!
//! Handlers only note the signal; a thread does the rest. Blocking the signals instead would block them in buildpacks,
//! too: child processes inherit what is blocked, but not handlers.
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    path::PathBuf,
    process,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Duration,
};
use wharf_buildpack::Cancel;
use wharf_registry::RegistryStore;

/// How long buildpacks, and then this process, have to end by themselves.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long registries have to forget unfinished uploads; most take a moment.
const CANCEL_PATIENCE: Duration = Duration::from_secs(5);

/// Shared between the phase and the thread that waits for signals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    cancel: Cancel,
    /// Taken by the thread that waits.
    signals: Arc<Mutex<Option<Signals>>>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Exit status of the signal that came.
    status: Option<u8>,
    /// Whether buildpacks are running, which end on `cancel`.
    buildpacks: bool,
    /// What to remove before ending.
    temporary: Option<PathBuf>,
    /// Where uploads may be under way.
    registries: Vec<Weak<RegistryStore>>,
}

impl Interrupt {
    /// From here on signals are noted.
    pub(crate) fn install() -> Self {
        let interrupt = Self::default();
        // Without handlers the signals end this process at once.
        let signals = Signals::new([SIGTERM, SIGINT]).ok();
        *lock(&interrupt.signals) = signals;
        interrupt
    }

    /// Starts the thread that waits. Not before the process has its user: until then it has one thread.
    pub(crate) fn listen(&self) {
        let Some(signals) = lock(&self.signals).take() else {
            return;
        };
        let interrupt = self.clone();
        // Without the thread, the phase ends as if no signal had come.
        let _ = thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || interrupt.wait(signals));
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

    /// Names a store whose uploads are cancelled when a signal ends this process.
    pub(crate) fn cancel_uploads_at_end(&self, registry: &Arc<RegistryStore>) {
        self.lock().registries.push(Arc::downgrade(registry));
    }

    /// Runs `work`, in which buildpacks run: a signal ends them, then `work` ends. `None` when a signal has come.
    pub(crate) fn with_buildpacks<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        self.lock().buildpacks = true;
        let result = work();
        // A signal during the work leaves the end of the process to whoever called us.
        let mut state = self.lock();
        state.buildpacks = state.status.is_some();
        state.status.is_none().then_some(result)
    }

    fn wait(&self, mut signals: Signals) {
        let Some(signal) = signals.forever().next() else {
            return;
        };
        let status = u8::try_from(128 + signal).unwrap_or(u8::MAX);
        let mut state = self.lock();
        state.status = Some(status);
        self.cancel.cancel();
        if state.buildpacks {
            drop(state);
            thread::sleep(PATIENCE);
            state = self.lock();
        }
        for registry in state.registries.iter().filter_map(Weak::upgrade) {
            registry.cancel_uploads(CANCEL_PATIENCE);
        }
        if let Some(directory) = state.temporary.take() {
            let _ = std::fs::remove_dir_all(directory);
        }
        process::exit(i32::from(status));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
