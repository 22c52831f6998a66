//! Generated buildpacks that record what they were given and then do what the test says.
//!
//! `bin/detect` and `bin/build` are POSIX shell scripts. Before the test's own lines they leave a [`Record`] in
//! `/record/<executable>/<id>` (`/` in the id is `_`).
use crate::{read, stage::Stage, suite::Case};
use std::{collections::BTreeMap, fs};

/// A buildpack before it is installed.
#[derive(Debug, Clone)]
pub struct Probe {
    id: String,
    version: String,
    api: String,
    info: String,
    descriptor: String,
    targets: String,
    detect: Option<String>,
    build: Option<String>,
}

impl Probe {
    /// A buildpack of version 1.0 that passes detection and does nothing on build, at the case's Buildpack API.
    pub fn new(case: &Case<'_>, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            version: "1.0".to_owned(),
            api: case.buildpack_api(),
            info: String::new(),
            descriptor: String::new(),
            targets: if case.buildpack < 10 || case.platform < 12 {
                "[[stacks]]\nid = \"*\"\n".to_owned()
            } else {
                "[[targets]]\nos = \"linux\"\n".to_owned()
            },
            detect: Some(String::new()),
            build: Some(String::new()),
        }
    }

    /// With another version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// With another Buildpack API than the case's.
    #[must_use]
    pub fn api(mut self, api: &str) -> Self {
        api.clone_into(&mut self.api);
        self
    }

    /// With more lines in the `[buildpack]` table of `buildpack.toml`.
    #[must_use]
    pub fn info(mut self, lines: &str) -> Self {
        self.info.push_str(lines);
        self.info.push('\n');
        self
    }

    /// With more lines at the end of `buildpack.toml`.
    #[must_use]
    pub fn descriptor(mut self, lines: &str) -> Self {
        self.descriptor.push_str(lines);
        self.descriptor.push('\n');
        self
    }

    /// With other lines in the place of the usual `[[stacks]]` or `[[targets]]`.
    #[must_use]
    pub fn targets(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.targets);
        self.targets.push('\n');
        self
    }

    /// With these media types as the SBOM formats it declares.
    #[must_use]
    pub fn sbom_formats(self, media_types: &[&str]) -> Self {
        self.info(&format!("sbom-formats = {media_types:?}"))
    }

    /// With `clear-env = true`.
    #[must_use]
    pub fn clear_env(self) -> Self {
        self.info("clear-env = true")
    }

    /// With shell lines for `bin/detect`. `$PLAN` is the build plan file, `$PLATFORM_DIR` the platform directory.
    #[must_use]
    pub fn detect(mut self, script: &str) -> Self {
        self.detect = Some(script.to_owned());
        self
    }

    /// With this text as its build plan in detection.
    #[must_use]
    pub fn plan(self, plan: &str) -> Self {
        self.detect(&format!("cat > \"$PLAN\" <<'END'\n{plan}\nEND"))
    }

    /// With shell lines for `bin/build`. `$LAYERS` is its layers directory, `$PLAN` its buildpack plan, and
    /// `$PLATFORM_DIR` the platform directory.
    #[must_use]
    pub fn build(mut self, script: &str) -> Self {
        self.build = Some(script.to_owned());
        self
    }

    /// Without `bin/detect`.
    #[must_use]
    pub fn without_detect(mut self) -> Self {
        self.detect = None;
        self
    }

    /// Without `bin/build`.
    #[must_use]
    pub fn without_build(mut self) -> Self {
        self.build = None;
        self
    }

    /// Its place in a group of `order.toml` or `system.toml`.
    pub fn entry(&self) -> String {
        format!("{{ id = \"{}\", version = \"{}\" }}", self.id, self.version)
    }

    /// The same, optional.
    pub fn optional(&self) -> String {
        format!(
            "{{ id = \"{}\", version = \"{}\", optional = true }}",
            self.id, self.version
        )
    }

    /// Its place in `group.toml`.
    pub fn member(&self) -> String {
        format!(
            "{{ id = \"{}\", version = \"{}\", api = \"{}\" }}",
            self.id, self.version, self.api
        )
    }

    /// Its directory as it sees it itself.
    pub fn dir(&self) -> String {
        format!("/cnb/buildpacks/{}/{}", escape(&self.id), self.version)
    }

    /// Its layers directory as it sees it itself.
    pub fn layers(&self) -> String {
        format!("/layers/{}", escape(&self.id))
    }

    /// Writes it below `/cnb/buildpacks`.
    pub fn install(&self, stage: &Stage) {
        self.install_below(stage, "/cnb/buildpacks");
    }

    /// Writes it below another directory of buildpacks.
    pub fn install_below(&self, stage: &Stage, buildpacks: &str) {
        let dir = format!("{buildpacks}/{}/{}", escape(&self.id), self.version);
        // Tables of the test's own come last, so that its lines may open any.
        let descriptor = format!(
            "api = \"{}\"\n[buildpack]\nid = \"{}\"\nversion = \"{}\"\nname = \"{}\"\n{}{}{}",
            self.api, self.id, self.version, self.id, self.info, self.targets, self.descriptor
        );
        stage.write(&format!("{dir}/buildpack.toml"), &descriptor);
        for (executable, script) in [("detect", &self.detect), ("build", &self.build)] {
            if let Some(script) = script {
                let text = prelude(executable, &self.id) + script + "\n";
                stage.write(&format!("{dir}/bin/{executable}"), &text);
            }
        }
    }

    /// What `executable` (`detect` or `build`) of this buildpack was given the last time it ran.
    pub fn record(&self, stage: &Stage, executable: &str) -> Option<Record> {
        Record::read(stage, executable, &self.id)
    }
}

/// `/` in identifiers is `_` in directory names.
pub fn escape(id: &str) -> String {
    id.replace('/', "_")
}

fn prelude(executable: &str, id: &str) -> String {
    let variables = if executable == "detect" {
        "PLATFORM_DIR=$1 PLAN=$2"
    } else {
        "LAYERS=$1 PLATFORM_DIR=$2 PLAN=$3"
    };
    format!(
        r#"#!/bin/sh
R=/record/{executable}/{}
mkdir -p "$R"
printf '%s\n' "$0" "$@" > "$R/args"
cat /proc/$$/environ > "$R/env"
cat /proc/$$/status > "$R/status"
umask > "$R/umask"
pwd -P > "$R/cwd"
ls /proc/$$/fd > "$R/fds"
echo run >> "$R/runs"
echo '{executable} {id}' >> /record/order
{variables}
"#,
        escape(id)
    )
}

/// What an executable was given.
#[derive(Debug, Clone)]
pub struct Record {
    /// Path it was called by, then arguments.
    pub args: Vec<String>,
    /// Environment as it was handed over, before the shell changed it.
    pub env: BTreeMap<String, String>,
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// File mode creation mask as the shell prints it.
    pub umask: String,
    /// Working directory.
    pub cwd: String,
    /// Open descriptors, the shell's own for its script among them.
    pub fds: Vec<String>,
    /// How often it ran.
    pub runs: usize,
}

impl Record {
    fn read(stage: &Stage, executable: &str, id: &str) -> Option<Self> {
        let dir = format!("record/{executable}/{}", escape(id));
        let file = |name: &str| read(&stage.path(&format!("{dir}/{name}")));
        if !stage.path(&dir).exists() {
            return None;
        }
        let status = file("status");
        Some(Self {
            args: file("args").lines().map(str::to_owned).collect(),
            env: environment(&fs::read(stage.path(&format!("{dir}/env"))).ok()?),
            uid: id_of(&status, "Uid:"),
            gid: id_of(&status, "Gid:"),
            umask: file("umask").trim().to_owned(),
            cwd: file("cwd").trim().to_owned(),
            fds: file("fds").lines().map(str::to_owned).collect(),
            runs: file("runs").lines().count(),
        })
    }

    /// A variable.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }
}

/// The executables that ran in a stage, in order: `detect example/one` …
pub fn order_of_runs(stage: &Stage) -> Vec<String> {
    let path = stage.path("record/order");
    if !path.exists() {
        return Vec::new();
    }
    read(&path).lines().map(str::to_owned).collect()
}

/// An environment as the kernel shows it: `NAME=value` entries that end with a zero byte.
pub fn environment(bytes: &[u8]) -> BTreeMap<String, String> {
    String::from_utf8_lossy(bytes)
        .split_terminator('\0')
        .filter_map(|entry| entry.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn id_of(status: &str, key: &str) -> u32 {
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix(key)?
                .split_whitespace()
                .nth(1)?
                .parse()
                .ok()
        })
        .unwrap_or(u32::MAX)
}
