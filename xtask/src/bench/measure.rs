//! Starting the helper, and what it says of one run.
use crate::{process, workspace};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The helper's executable.
#[derive(Debug)]
pub(super) struct Helper {
    executable: PathBuf,
}

/// What one run of a program took. Seconds and bytes.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Run {
    /// Exit status.
    pub(super) code: i32,
    /// From start to end.
    pub(super) wall: f64,
    /// User and system time, children included.
    pub(super) cpu: f64,
    /// CPU time of everybody else meanwhile: of a registry, and of what has nothing to do with the run.
    pub(super) others: f64,
    /// Most memory held at once.
    pub(super) rss: f64,
    /// Most temporary disk held at once.
    pub(super) temp: f64,
    /// Moved by read calls.
    pub(super) read: f64,
    /// Moved by write calls.
    pub(super) written: f64,
}

/// A program to run.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) path: &'a Path,
    pub(super) args: Vec<OsString>,
    pub(super) env: &'a BTreeMap<String, String>,
    /// Directory of its temporary files; the helper's answer goes beside it.
    pub(super) temp: &'a Path,
    /// Where its output goes; nowhere without one.
    pub(super) log: Option<PathBuf>,
    pub(super) user: u32,
}

/// CPU seconds of the stages of one layer, and its bytes.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Stages {
    pub(super) tar: f64,
    pub(super) tar_hash: f64,
    pub(super) encode: f64,
    pub(super) blob_hash: f64,
    pub(super) write: f64,
    pub(super) bytes: f64,
    pub(super) blob: f64,
}

impl Helper {
    /// Compiles it, optimised.
    pub(super) fn build() -> Result<Self> {
        println!("bench: building the helper");
        let target = workspace::target();
        let args = [
            "build",
            "--quiet",
            "--release",
            "--package=xtask",
            "--bin=bench-helper",
            "--features=igzip",
        ];
        process::run(
            process::command("cargo", args)
                .current_dir(workspace::root())
                .env("CARGO_TARGET_DIR", &target),
        )?;
        Ok(Self {
            executable: target.join("release/bench-helper"),
        })
    }

    /// Where it is.
    pub(super) fn executable(&self) -> &Path {
        &self.executable
    }

    /// Runs a program once; another exit status than zero is an error that shows the end of its output.
    pub(super) fn run(&self, program: &Program<'_>) -> Result<Run> {
        let run: Run = self.ask("run", program, &[program.temp.into()])?;
        let name = program.path.display();
        let said = program
            .log
            .as_deref()
            .map(process::tail)
            .unwrap_or_default();
        ensure!(run.code == 0, "{name} ended with {}:\n{said}", run.code);
        Ok(run)
    }

    /// Seconds of each of `count` runs.
    pub(super) fn repeat(&self, program: &Program<'_>, count: usize) -> Result<Vec<f64>> {
        self.ask("repeat", program, &[count.to_string().into()])
    }

    /// What directories cost as layers.
    pub(super) fn limits(&self, user: u32, temp: &Path, roots: &[PathBuf]) -> Result<Vec<Stages>> {
        let answer = temp.join("limits.json");
        let mut command = Command::new(&self.executable);
        command
            .arg("limits")
            .arg(&answer)
            .arg(user.to_string())
            .arg(temp)
            .args(roots);
        process::run(&mut command)?;
        parse(&answer)
    }

    fn ask<T: serde::de::DeserializeOwned>(
        &self,
        task: &str,
        program: &Program<'_>,
        words: &[OsString],
    ) -> Result<T> {
        let answer = program.temp.with_extension("answer");
        let mut command = Command::new(&self.executable);
        command
            .arg(task)
            .arg(&answer)
            .arg(program.user.to_string())
            .args(words)
            .arg(program.path)
            .args(&program.args)
            .env_clear()
            .envs(program.env)
            .stdin(Stdio::null());
        let out = match &program.log {
            Some(log) => {
                Stdio::from(File::create(log).with_context(|| format!("create {}", log.display()))?)
            }
            None => Stdio::null(),
        };
        command.stdout(out);
        match &program.log {
            Some(log) => command.stderr(File::options().append(true).open(log)?),
            None => command.stderr(Stdio::inherit()),
        };
        let status = command.status().context("start the helper")?;
        let said = program
            .log
            .as_deref()
            .map(process::tail)
            .unwrap_or_default();
        ensure!(
            status.success(),
            "measuring {} failed: {said}",
            program.path.display()
        );
        parse(&answer)
    }
}

fn parse<T: serde::de::DeserializeOwned>(answer: &Path) -> Result<T> {
    let text = fs::read_to_string(answer).with_context(|| format!("read {}", answer.display()))?;
    serde_json::from_str(&text).context("parse the helper's answer")
}
