//! The directories of an app image without the image, and the launcher in them.
use crate::{
    cases::build,
    probe::{Probe, environment},
    read,
    stage::{Outcome, Stage},
    suite::{Case, Minor},
    toml_of,
};
use std::{collections::BTreeMap, fs};
use toml::Value;

/// The buildpack of processes that name no other.
const FIRST: &str = "example/one";

/// A process for `metadata.toml` or `launch.toml`.
#[derive(Debug, Clone)]
pub struct Process {
    kind: String,
    command: Vec<String>,
    args: Vec<String>,
    direct: bool,
    lines: String,
}

impl Process {
    /// A process that runs without a shell.
    pub fn new(kind: &str, command: &[&str]) -> Self {
        Self {
            kind: kind.to_owned(),
            command: owned(command),
            args: Vec::new(),
            direct: true,
            lines: String::new(),
        }
    }

    /// A process that runs through the shell: one of a buildpack before Buildpack API 0.9.
    pub fn shell(kind: &str, command: &str) -> Self {
        Self {
            direct: false,
            ..Self::new(kind, &[command])
        }
    }

    /// The process `web` that prints each word it is given between `<` and `>`.
    pub fn prints() -> Self {
        Self::new("web", &["printf", "<%s>"])
    }

    /// With arguments.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args = owned(args);
        self
    }

    /// With one more line.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines += line;
        self.lines.push('\n');
        self
    }

    /// Its table in `launch.toml` as a Buildpack API has it.
    pub fn launch_toml(&self, buildpack: Minor) -> String {
        if buildpack < 9 {
            format!("{}direct = {}\n", self.table(false), self.direct)
        } else {
            self.table(true)
        }
    }

    fn metadata_toml(&self, platform: Minor) -> String {
        format!(
            "{}direct = {}\nbuildpack-id = \"{FIRST}\"\n",
            self.table(platform >= 10),
            self.direct
        )
    }

    /// Where a command is one string, the words after the first are arguments.
    fn table(&self, command_is_list: bool) -> String {
        let (command, args) = if command_is_list {
            (Value::from(self.command.clone()), self.args.clone())
        } else {
            let (first, rest) = self.command.split_first().expect("a process has a command");
            (
                Value::from(first.as_str()),
                [rest, self.args.as_slice()].concat(),
            )
        };
        format!(
            "[[processes]]\ntype = {}\ncommand = {command}\nargs = {}\n{}",
            Value::from(self.kind.as_str()),
            Value::from(args),
            self.lines
        )
    }
}

/// `metadata.toml` of these buildpacks, in build order and of the case's Buildpack API. The processes belong to
/// `example/one`.
pub fn metadata(case: &Case<'_>, buildpacks: &[&str], processes: &[Process]) -> String {
    let api = case.buildpack_api();
    let buildpacks = buildpacks
        .iter()
        .map(|id| format!("[[buildpacks]]\nid = \"{id}\"\nversion = \"1.0\"\napi = \"{api}\"\n"));
    let processes = processes
        .iter()
        .map(|process| process.metadata_toml(case.platform));
    buildpacks.chain(processes).collect()
}

/// Directories and variables as in a container of an app image.
#[derive(Debug)]
pub struct Launch {
    /// The directories and variables.
    pub stage: Stage,
}

impl Launch {
    /// An app of one buildpack, `example/one`, with these processes.
    pub fn new(case: &Case<'_>, processes: &[Process]) -> Self {
        Self::of(case, &[FIRST], processes)
    }

    /// An app of these buildpacks, whose only process `web` shows its environment to [`Launch::env`].
    pub fn showing_env(case: &Case<'_>, buildpacks: &[&str]) -> Self {
        let show = Process::new("web", &["cat", "/proc/self/environ"]);
        Self::of(case, buildpacks, &[show])
    }

    /// An app of these buildpacks in build order; the processes belong to `example/one`.
    pub fn of(case: &Case<'_>, buildpacks: &[&str], processes: &[Process]) -> Self {
        let stage = case.stage();
        stage.write(
            "layers/config/metadata.toml",
            &metadata(case, buildpacks, processes),
        );
        Self::in_stage(stage)
    }

    /// What the builder makes of these buildpacks; it must succeed.
    pub fn built(case: &Case<'_>, probes: &[&Probe]) -> Self {
        Self::in_stage(build::built(case, probes).stage)
    }

    /// A container of what the phases left in these directories.
    pub fn in_stage(mut stage: Stage) -> Self {
        stage.set("CNB_LAYERS_DIR", "/layers");
        stage.set("CNB_APP_DIR", "/workspace");
        stage.set("PATH", "/cnb/process:/usr/local/bin:/usr/bin:/bin");
        let launch = Self { stage };
        fs::create_dir(launch.stage.path("cnb/process")).expect("make the processes' directory");
        for kind in launch.process_types() {
            let link = format!("cnb/process/{kind}");
            launch.stage.link("/cnb/lifecycle/launcher", &link);
        }
        launch
    }

    /// `metadata.toml`.
    pub fn metadata(&self) -> toml::Table {
        toml_of(&self.stage.path("layers/config/metadata.toml"))
    }

    /// The process types of `metadata.toml`, each once.
    fn process_types(&self) -> Vec<String> {
        let metadata = self.metadata();
        let processes = metadata.get("processes").and_then(Value::as_array);
        let mut types: Vec<String> = processes
            .into_iter()
            .flatten()
            .filter_map(|process| process["type"].as_str().map(str::to_owned))
            .collect();
        types.sort();
        types.dedup();
        types
    }

    /// Writes a file below `/layers`.
    pub fn layer(&self, path: &str, text: &str) {
        self.stage.write(&format!("layers/{path}"), text);
    }

    /// Writes files below `/layers`.
    pub fn layers(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            self.layer(path, text);
        }
    }

    /// Writes shell scripts below `/layers`, each of which leaves its own path in `/record/order`.
    pub fn scripts_that_tell_their_order(&self, paths: &[&str]) {
        for path in paths {
            let script = format!("#!/bin/sh\necho {path} >> /record/order\n");
            self.layer(path, &script);
        }
    }

    /// What scripts have left in `/record/<name>`, by lines.
    pub fn recorded(&self, name: &str) -> Vec<String> {
        let path = self.stage.path(&format!("record/{name}"));
        if !path.exists() {
            return Vec::new();
        }
        read(&path).lines().map(str::to_owned).collect()
    }

    /// Launches a process by its type.
    pub fn process(&self, kind: &str, args: &[&str]) -> Outcome {
        self.stage.run(&format!("/cnb/process/{kind}"), args)
    }

    /// Launches the process `web` and gives what it prints; it must succeed.
    pub fn web(&self, args: &[&str]) -> String {
        self.process("web", args).expect_code(0).stdout.clone()
    }

    /// Launches a command of the user.
    pub fn command(&self, args: &[&str]) -> Outcome {
        self.stage.phase("launcher", args)
    }

    /// The environment of the process `web` of [`Launch::showing_env`].
    pub fn env(&self) -> BTreeMap<String, String> {
        environment(self.web(&[]).as_bytes())
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
