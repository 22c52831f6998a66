//! A log that keeps its lines.
use std::sync::{Mutex, PoisonError};
use wharf_spec::log::{Level, Log};

/// Keeps every line with its level.
#[derive(Debug, Default)]
pub struct RecordingLog {
    lines: Mutex<Vec<(Level, String)>>,
}

impl RecordingLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lines of `level` and above, in order.
    pub fn lines(&self, level: Level) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .filter(|(of, _)| *of >= level)
            .map(|(_, text)| text.clone())
            .collect()
    }
}

impl Log for RecordingLog {
    fn line(&self, level: Level, text: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push((level, text.to_owned()));
    }
}
