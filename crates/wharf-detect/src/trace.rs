//! What detection would say, kept until the outcome is known.
use std::sync::Arc;
use wharf_spec::log::{Level, Log};

/// One entry; output of buildpacks is one entry of several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceLine {
    /// How much it matters.
    pub level: Level,
    /// The text, shared where a buildpack takes part in several groups.
    pub text: Arc<str>,
}

/// Entries in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace(Vec<TraceLine>);

impl Trace {
    /// The entries in order.
    pub fn lines(&self) -> &[TraceLine] {
        &self.0
    }

    pub(crate) fn push(&mut self, level: Level, text: impl Into<Arc<str>>) {
        let text = text.into();
        self.0.push(TraceLine { level, text });
    }

    pub(crate) fn debug(&mut self, text: impl Into<Arc<str>>) {
        self.push(Level::Debug, text);
    }

    pub(crate) fn info(&mut self, text: impl Into<Arc<str>>) {
        self.push(Level::Info, text);
    }

    pub(crate) fn write_to(&self, log: &dyn Log) {
        self.write(log, |level| level);
    }

    pub(crate) fn write_all_to(&self, log: &dyn Log) {
        self.write(log, |level| level.max(Level::Info));
    }

    fn write(&self, log: &dyn Log, level: impl Fn(Level) -> Level) {
        for entry in &self.0 {
            for line in entry.text.trim_end_matches('\n').split('\n') {
                log.line(level(entry.level), line);
            }
        }
    }
}
