//! How libraries say what they do. They never print; the edge decides what a line looks like and where it goes.

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For people who look for a fault.
    Debug,
    /// The normal course of events.
    Info,
    /// Something is off, but the phase goes on.
    Warn,
}

/// Takes lines. May be called from several threads.
pub trait Log: Sync {
    /// One line without its newline.
    fn line(&self, level: Level, text: &str);

    /// A line of level [`Level::Debug`].
    fn debug(&self, text: &str) {
        self.line(Level::Debug, text);
    }

    /// A line of level [`Level::Info`].
    fn info(&self, text: &str) {
        self.line(Level::Info, text);
    }

    /// A line of level [`Level::Warn`].
    fn warn(&self, text: &str) {
        self.line(Level::Warn, text);
    }
}
