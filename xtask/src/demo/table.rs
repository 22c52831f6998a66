//! The table the demo ends with.
use std::{fmt, time::Duration};

/// One phase of one build.
#[derive(Debug)]
pub(crate) struct Row {
    pub app: &'static str,
    pub build: &'static str,
    pub phase: &'static str,
    pub time: Duration,
    pub note: String,
}

/// Phases, times, bytes, reuse.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a phase.
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:8} {:10} {:9} {:>9}  layers and bytes",
            "app", "build", "phase", "time"
        )?;
        for row in &self.rows {
            let seconds = format!("{:.2} s", row.time.as_secs_f64());
            writeln!(
                f,
                "{:8} {:10} {:9} {seconds:>9}  {}",
                row.app, row.build, row.phase, row.note
            )?;
        }
        Ok(())
    }
}

/// Bytes as people read them.
pub(crate) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mib = count as f64 / 1_048_576.0;
    if count < 102_400 {
        format!("{count} B")
    } else {
        format!("{mib:.1} MiB")
    }
}
