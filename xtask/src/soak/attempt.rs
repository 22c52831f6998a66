//! Running the executables of a step once, and ending them from outside.
use super::{
    ground::{Ground, PASSWORD},
    plan::Work,
    stage::Stage,
};
use crate::process;
use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    ops::AddAssign,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(2);
/// How a phase that was told to end ends.
const TOLD: i32 = 128 + Signal::SIGTERM as i32;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    Good,
    /// By itself, with the end of what it said.
    Failed(String),
    Killed,
    Told,
}

/// A signal that is to come in the middle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blow {
    pub(super) signal: Signal,
    /// After so many requests in all.
    pub(super) after: u64,
}

/// What executables say of their work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) retries: u64,
    /// Runs of the encoder.
    pub(super) compressed: u64,
    /// Of them, those for a layer that was compressed before.
    pub(super) again: u64,
}

impl AddAssign for Said {
    fn add_assign(&mut self, other: Self) {
        self.retries += other.retries;
        self.compressed += other.compressed;
        self.again += other.again;
    }
}

/// Runs the executables of a step one after the other until one does not end well.
pub(super) fn attempt(
    ground: &Ground,
    stage: &Stage<'_>,
    (work, tag): (Work, &str),
    blow: Option<Blow>,
) -> Result<(Ending, Said)> {
    stage.prepare(work)?;
    let variables = stage.variables();
    let log = stage.path("log");
    let mut said = Said::default();
    for program in stage.programs(work, tag) {
        let file = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let mut command = Command::new(&program.path);
        command
            .args(&program.args)
            .env_clear()
            .envs(&variables)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        if let Some(user) = ground.user {
            command.uid(user).gid(user);
        }
        if program.touches_images {
            command.env("CNB_REGISTRY_AUTH", ground.credentials());
        }
        let start = || format!("start {}", program.path.display());
        let child = command.spawn().with_context(start)?;
        let came = || ground.proxy.requests_to(&stage.repository);
        let status = wait(child, blow, &came)?;
        said += read(&log)?;
        let ending = judge(status, &log);
        if ending != Ending::Good {
            return Ok((ending, said));
        }
    }
    Ok((Ending::Good, said))
}

/// Waits for the end, and brings the blow when it is time.
fn wait(mut child: Child, mut blow: Option<Blow>, came: &dyn Fn() -> u64) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().context("wait for a phase")? {
            return Ok(status);
        }
        if let Some(due) = blow.filter(|blow| came() >= blow.after) {
            blow = None;
            // It may have ended by itself in between; then the number is not free yet, as nobody has waited.
            kill(Pid::from_raw(child.id().cast_signed()), due.signal)
                .context("send a signal to a phase")?;
        }
        thread::sleep(LOOK);
    }
}

fn judge(status: ExitStatus, log: &Path) -> Ending {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ending::Good,
        (Some(TOLD), _) => Ending::Told,
        // Before it could listen.
        (_, Some(signal)) if signal == Signal::SIGTERM as i32 => Ending::Told,
        (_, Some(signal)) if signal == Signal::SIGKILL as i32 => Ending::Killed,
        _ => Ending::Failed(format!("{status}:\n{}", process::tail(log))),
    }
}

/// The lines at level debug that count.
fn read(log: &Path) -> Result<Said> {
    let text = fs::read(log).with_context(|| format!("read {}", log.display()))?;
    let text = String::from_utf8_lossy(&text);
    ensure!(!text.contains(PASSWORD), "a phase shows the password");
    Ok(parse(&text))
}

fn parse(text: &str) -> Said {
    let mut said = Said::default();
    for line in text.lines() {
        let numbers: Vec<u64> = line
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|word| word.parse().ok())
            .collect();
        match numbers.as_slice() {
            [_, retries, ..] if line.starts_with("Registry: ") => said.retries += retries,
            [made, different] if line.starts_with("Layers: ") => {
                said.compressed += made;
                said.again += made - different;
            }
            _ => {}
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_at_level_debug_are_found() {
        let text = "Adding layer 'a'\n\
            Registry: 31 requests, 4 retries, 1000 bytes sent, 20 bytes received\n\
            Layers: 6 compressed, 5 different\n";
        let expected = Said {
            retries: 4,
            compressed: 6,
            again: 1,
        };
        assert_eq!(parse(text), expected);
    }
}
