//! What people and platforms read: words and the output of buildpacks on standard output, warnings and errors on
//! standard error, colours on unless switched off.
use std::{
    fmt,
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};
use wharf_export::time::rfc3339;
use wharf_registry::{Exchange, Observer, Progress};
use wharf_spec::log::{Level, Log};

/// The least level that is shown. Errors are always shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Threshold {
    Debug,
    Info,
    Warn,
    Error,
}

impl Threshold {
    /// Names as platforms write them, in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "debug" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "warn" | "warning" => Some(Self::Warn),
            "error" | "fatal" => Some(Self::Error),
            _ => None,
        }
    }
}

/// The time of day as RFC 3339 text in UTC.
fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    rfc3339(since.unwrap_or_default().as_secs())
}

/// Writes lines and the output of buildpacks.
pub(crate) struct Console {
    sinks: Mutex<Sinks>,
    threshold: Threshold,
    colour: bool,
}

/// Where lines go. One lock for both, so that a warning does not cut a line of a buildpack.
pub(crate) struct Sinks {
    pub(crate) out: Box<dyn Write + Send>,
    pub(crate) err: Box<dyn Write + Send>,
}

impl Sinks {
    /// Standard output and standard error.
    pub(crate) fn standard() -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
        }
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy)]
enum To {
    Out,
    Err,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("threshold", &self.threshold)
            .field("colour", &self.colour)
            .finish_non_exhaustive()
    }
}

const BOLD_RED: &str = "\x1b[31;1m";
const BOLD_YELLOW: &str = "\x1b[33;1m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

impl Console {
    pub(crate) fn new(sinks: Sinks, threshold: Threshold, colour: bool) -> Self {
        Self {
            sinks: Mutex::new(sinks),
            threshold,
            colour,
        }
    }

    /// Everything from level info on.
    pub(crate) fn plain() -> Self {
        Self::new(Sinks::standard(), Threshold::Info, true)
    }

    /// `ERROR: …`
    pub(crate) fn error(&self, text: &str) {
        self.write_line(To::Err, &[&self.paint(BOLD_RED, "ERROR: "), text]);
    }

    /// The heading of a phase within the creator.
    pub(crate) fn banner(&self, text: &str) {
        if self.threshold <= Threshold::Info {
            self.write_line(To::Out, &[&self.paint(CYAN, &format!("===> {text}"))]);
        }
    }

    /// A writer for the output of buildpacks.
    pub(crate) fn stream(&self) -> Stream<'_> {
        Stream {
            console: self,
            state: Escape::Outside,
        }
    }

    /// Runs `work` and says at level debug how long it took.
    pub(crate) fn timed<T>(&self, name: &str, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        self.debug(&format!("Timer: {name} started at {}", now()));
        let result = work();
        let elapsed = started.elapsed();
        self.debug(&format!(
            "Timer: {name} ran for {elapsed:?} and ended at {}",
            now()
        ));
        result
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour {
            format!("{colour}{text}{RESET}")
        } else {
            text.to_owned()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sinks> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line that nobody reads any more is no reason to fail a build.
    fn write_line(&self, to: To, parts: &[&str]) {
        let mut line = parts.concat();
        if !line.ends_with('\n') {
            line.push('\n');
        }
        let mut bytes = line.into_bytes();
        if !self.colour {
            bytes = strip(&mut Escape::Outside, &bytes);
        }
        let mut sinks = self.lock();
        let out = match to {
            To::Out => &mut sinks.out,
            To::Err => &mut sinks.err,
        };
        let _ = out.write_all(&bytes);
        let _ = out.flush();
    }
}

impl Observer for Console {
    fn request(&self, exchange: &Exchange) {
        if self.threshold <= Threshold::Debug {
            self.debug(&exchange.to_string());
        }
    }

    fn progress(&self, progress: &Progress) {
        self.info(&progress.to_string());
    }
}

impl Log for Console {
    fn line(&self, level: Level, text: &str) {
        match level {
            Level::Debug if self.threshold <= Threshold::Debug => self.write_line(To::Out, &[text]),
            Level::Info if self.threshold <= Threshold::Info => self.write_line(To::Out, &[text]),
            Level::Warn if self.threshold <= Threshold::Warn => {
                self.write_line(To::Err, &[&self.paint(BOLD_YELLOW, "Warning: "), text]);
            }
            Level::Debug | Level::Info | Level::Warn => {}
        }
    }
}

/// Passes bytes on as they come; without colour, escape sequences are taken out.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    console: &'a Console,
    state: Escape,
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = &mut self.console.lock().out;
        if self.console.colour {
            out.write_all(bytes)?;
        } else {
            out.write_all(&strip(&mut self.state, bytes))?;
        }
        out.flush()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.console.lock().out.flush()
    }
}

/// Where a stream is within an escape sequence, which may be cut anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    Outside,
    Started,
    /// `ESC [ … letter`
    Control,
    /// `ESC ] … BEL` or `ESC ] … ESC \`
    Command,
    CommandEnding,
}

fn strip(state: &mut Escape, bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    for byte in bytes {
        *state = match (*state, *byte) {
            (Escape::Outside, 0x1b) | (Escape::Started, 0x20..=0x2f) => Escape::Started,
            (Escape::Outside, byte) => {
                kept.push(byte);
                Escape::Outside
            }
            (Escape::Started, b'[') => Escape::Control,
            (Escape::Started, b']') => Escape::Command,
            (Escape::Command, 0x1b) => Escape::CommandEnding,
            (Escape::Started, _)
            | (Escape::Control, 0x40..=0x7e)
            | (Escape::Command, 0x07)
            | (Escape::CommandEnding, b'\\') => Escape::Outside,
            (Escape::Control, _) => Escape::Control,
            (Escape::Command | Escape::CommandEnding, _) => Escape::Command,
        };
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(threshold: Threshold, colour: bool, say: impl FnOnce(&Console)) -> String {
        let sink = Sink::default();
        let sinks = Sinks {
            out: Box::new(sink.clone()),
            err: Box::new(sink.clone()),
        };
        say(&Console::new(sinks, threshold, colour));
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn everything(console: &Console) {
        console.debug("detail");
        console.info("label: value");
        console.warn("odd");
        console.error("failed to build");
        console.banner("BUILDING");
    }

    #[test]
    fn colours_prefixes_and_banners() {
        assert_eq!(
            shown(Threshold::Info, true, everything),
            "label: value\n\x1b[33;1mWarning: \x1b[0modd\n\x1b[31;1mERROR: \x1b[0mfailed to build\n\x1b[36m===> BUILDING\x1b[0m\n"
        );
    }

    #[test]
    fn without_colour_no_escape_sequence_is_left() {
        assert_eq!(
            shown(Threshold::Debug, false, everything),
            "detail\nlabel: value\nWarning: odd\nERROR: failed to build\n===> BUILDING\n"
        );
        let cut = shown(Threshold::Info, false, |console| {
            let mut stream = console.stream();
            for part in [
                "a\x1b",
                "[3",
                "1mred\x1b[0",
                "m b\x1b]0;title\x07c\x1b(Bd\n",
            ] {
                stream.write_all(part.as_bytes()).unwrap();
            }
            console.info("\x1b[31mred\x1b[0m");
        });
        assert_eq!(cut, "ared bcd\nred\n");
    }

    #[test]
    fn errors_pass_every_threshold() {
        assert_eq!(
            shown(Threshold::Error, false, everything),
            "ERROR: failed to build\n"
        );
        assert_eq!(Threshold::parse("WARN"), Some(Threshold::Warn));
        assert_eq!(Threshold::parse("loud"), None);
    }
}
