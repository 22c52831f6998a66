//! A registry with a fleet, in a process of its own.
use anyhow::{Context, Result, ensure};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What clients log in with, in base64.
pub(super) const AUTH: &str = "YWRtaW46c2VjcmV0LXdvcmQ=";

/// A running server; it ends with the value.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// `127.0.0.1:port`.
    pub(super) host: String,
}

impl Server {
    /// With so many images.
    pub(super) fn start(helper: &Path, images: u64, answer: &Path) -> Result<Self> {
        let mut child = Command::new(helper)
            .arg("fleet-server")
            .arg(answer)
            .args(["0", &images.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the registry")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("hear the registry")?;
        let mut server = Self {
            child,
            input,
            output: BufReader::new(output),
            host: String::new(),
        };
        server.host = server.line()?;
        Ok(server)
    }

    /// Requests so far by kind, with `total` and `received` bytes.
    pub(super) fn counts(&mut self) -> Result<BTreeMap<String, u64>> {
        self.say("counts")?;
        let line = self.line()?;
        serde_json::from_str(&line).context("understand the registry")
    }

    /// Starts counting anew.
    pub(super) fn reset(&mut self) -> Result<()> {
        self.say("reset")
    }

    fn say(&mut self, word: &str) -> Result<()> {
        let input = self.input.as_mut().context("ask the registry")?;
        writeln!(input, "{word}").context("ask the registry")
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "the registry ended");
        Ok(line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        self.child.wait().ok();
    }
}
