//! The token that ends running buildpacks.
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Set once, by whoever receives SIGTERM or SIGINT; everything that waits looks at it. Clones are the same token.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A token that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the token. Safe in a signal handler: it only stores a flag, and runners notice it within
    /// [`TICK`](crate::process::TICK).
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the token is set.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
