//! A server before a registry: it passes everything on, loses, delays and refuses some of it as planned, makes every
//! request wait as long as one to a far registry, and counts.
mod fault;
mod message;
mod relay;
mod sessions;
mod state;
#[cfg(test)]
mod tests;
mod traffic;

pub use fault::{Asked, Fault, FaultPlan, identity};
pub use sessions::{SessionEnd, sessions};
pub use traffic::{Exchange, Traffic};

use state::Shared;
use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    thread,
    time::Duration,
};

/// A proxy on a loopback port; it ends with this process.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
}

impl FaultProxy {
    /// Starts one before the registry on a loopback port.
    pub fn start(registry: u16, plan: FaultPlan) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::new(plan));
        let connections = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&connections);
                // A client that goes away in between is none of our business.
                thread::spawn(move || relay::connection(&client, registry, &shared));
            }
        });
        Ok(Self { port, shared })
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How long every request waits from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.shared.lock().delay = delay;
    }

    /// The registry serves everything below a prefix such as `/x`; clients need not know. What it tells them of itself
    /// has the prefix, and is passed as it is.
    pub fn set_prefix(&self, prefix: &str) {
        prefix.clone_into(&mut self.shared.lock().prefix);
    }

    /// What happens from now on.
    pub fn set_plan(&self, plan: FaultPlan) {
        self.shared.lock().plan = plan;
    }

    /// What has passed since the last call. A request that is under way is told of in its part: it has come, and what
    /// became of it is in what the next call gives.
    pub fn take(&self) -> Traffic {
        std::mem::take(&mut self.shared.lock().traffic)
    }

    /// How many requests to a repository have come since the start.
    pub fn requests_to(&self, repository: &str) -> u64 {
        self.counts(repository).0
    }

    /// How many requests to a repository are under way.
    pub fn pending(&self, repository: &str) -> u64 {
        self.counts(repository).1
    }

    fn counts(&self, repository: &str) -> (u64, u64) {
        let state = self.shared.lock();
        state
            .repositories
            .get(repository)
            .copied()
            .unwrap_or_default()
    }
}
