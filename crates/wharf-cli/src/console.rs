//! What the user sees: progress on standard output, failures on standard error.
use crate::fleet::Ended;
use anyhow::Error;
use std::{fmt, io::Write, process::ExitCode, time::Duration};
use wharf_sandbox::SandboxError;

/// A failure that has a status of its own: that of a phase.
#[derive(Debug, thiserror::Error)]
#[error("build: {phase} ended with status {code}")]
pub(crate) struct PhaseFailed {
    /// Which phase.
    pub(crate) phase: &'static str,
    /// Its exit status.
    pub(crate) code: u8,
}

/// A build that was asked to end.
#[derive(Debug, thiserror::Error)]
#[error("build: interrupted by signal {signal} in {phase}")]
pub(crate) struct Interrupted {
    /// Which phase ran.
    pub(crate) phase: &'static str,
    /// The signal.
    pub(crate) signal: i32,
}

/// Advice that goes with an error.
#[derive(Debug)]
pub(crate) struct Hint(pub(crate) String);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line on standard output. A reader that went away is not our concern.
pub(crate) fn line(text: impl fmt::Display) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// A heading between phases.
pub(crate) fn banner(text: &str) {
    line(format_args!("\u{1b}[1m===> {text}\u{1b}[0m"));
}

/// One warning on standard error.
pub(crate) fn warn(text: impl fmt::Display) {
    let _ = writeln!(anstream::stderr(), "\u{1b}[33mwarning:\u{1b}[0m {text}");
}

/// Prints the error with its causes and what to do about it; returns the status to end with.
pub(crate) fn fail(error: &Error) -> ExitCode {
    let mut text = String::from("failed");
    let mut hints = Vec::new();
    for cause in error.chain() {
        if let Some(hint) = cause
            .downcast_ref::<SandboxError>()
            .and_then(SandboxError::hint)
        {
            hints.push(hint.to_owned());
        }
    }
    if let Some(hint) = error.downcast_ref::<Hint>() {
        hints.push(hint.0.clone());
    }
    let shown: Vec<String> = error
        .chain()
        .map(ToString::to_string)
        .filter(|cause| !hints.contains(cause))
        .collect();
    text.push_str(if shown.is_empty() { "" } else { " to " });
    text.push_str(&shown.join(": "));
    let mut out = anstream::stderr();
    let _ = writeln!(out, "\u{1b}[31merror:\u{1b}[0m {text}");
    for hint in hints {
        let _ = writeln!(out, "\u{1b}[36mhint:\u{1b}[0m {hint}");
    }
    let phase = error
        .downcast_ref::<PhaseFailed>()
        .map(|failed| failed.code);
    let signal = error
        .downcast_ref::<Interrupted>()
        .and_then(|interrupted| u8::try_from(128 + interrupted.signal).ok());
    let ended = error.downcast_ref::<Ended>().map(|ended| ended.code());
    phase
        .or(signal)
        .or(ended)
        .map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    // Tenths, so that no floating point is needed.
    let mut tenths = bytes / 100;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A span of time for people.
pub(crate) fn duration(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_sizes_for_people() {
        let sizes = [0, 999, 1000, 123_456, 999_999, 1_000_000, 7_650_000_000];
        let expected = [
            "0 B", "999 B", "1.0 kB", "123.4 kB", "999.9 kB", "1.0 MB", "7.6 GB",
        ];
        assert_eq!(sizes.map(size), expected);
    }
}
