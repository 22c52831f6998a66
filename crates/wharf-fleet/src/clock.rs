//! Time, as the edge tells it.

/// Tells the time. Libraries do not ask the machine; tests turn the hands themselves.
pub trait Clock: Sync {
    /// Now, in UTC by RFC 3339 with seconds: `2026-01-31T12:00:00Z`.
    fn now(&self) -> String;
}

/// A clock that stands still.
#[derive(Debug, Clone)]
pub struct FixedClock(pub String);

impl Clock for FixedClock {
    fn now(&self) -> String {
        self.0.clone()
    }
}
