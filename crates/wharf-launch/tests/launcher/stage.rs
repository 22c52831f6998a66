//! An app image's directories on this machine, and the real launcher started in them.
#![expect(
    clippy::unwrap_used,
    reason = "a test stage that cannot be set up is a failed test"
)]
use std::{
    env, fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// What a launch came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn success(stdout: impl Into<String>) -> Self {
        Self {
            status: Some(0),
            stdout: stdout.into(),
            stderr: String::new(),
        }
    }

    pub(crate) fn failure(status: i32, cause: impl std::fmt::Display) -> Self {
        let stderr = format!("ERROR: failed to launch: {cause}\n");
        Self {
            status: Some(status),
            stdout: String::new(),
            stderr,
        }
    }
}

/// A layers directory, an app directory and variables.
#[derive(Debug)]
pub(crate) struct Stage {
    top: TempDir,
    variables: Vec<(String, String)>,
}

impl Stage {
    /// `metadata` is the text of `metadata.toml`; `@` stands for the directory above layers and app.
    pub(crate) fn new(metadata: &str) -> Self {
        let stage = Self {
            top: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        };
        fs::create_dir_all(stage.path("layers/config")).unwrap();
        fs::create_dir(stage.path("app")).unwrap();
        stage.write("layers/config/metadata.toml", &stage.expand(metadata));
        let at = stage.expand("@");
        stage
            .with("CNB_PLATFORM_API", "0.15")
            .with("CNB_LAYERS_DIR", &format!("{at}/layers"))
            .with("CNB_APP_DIR", &format!("{at}/app"))
            .with("PATH", "/cnb/process:/cnb/lifecycle:/usr/bin:/bin")
    }

    /// Sets a variable of the launcher.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    /// Puts the directory for `@`.
    pub(crate) fn expand(&self, text: &str) -> String {
        text.replace('@', self.top.path().to_str().unwrap())
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Writes a shell script that can be executed.
    pub(crate) fn script(&self, name: &str, content: &str) -> &Self {
        self.write(name, &format!("#!/bin/sh\n{content}"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// The launcher under the name `name`, ready to start.
    pub(crate) fn command(&self, name: &str, args: &[&str]) -> Command {
        let mut command = Command::new(launcher());
        command.arg0(name).args(args).current_dir("/").env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Launches and waits for the end.
    pub(crate) fn launch(&self, name: &str, args: &[&str]) -> Outcome {
        let output = self.command(name, args).output().unwrap();
        Outcome {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The executable under test: the one cargo built, or that of `WHARF_LAUNCHER`, such as the one that is shipped.
pub(crate) fn launcher() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_launcher"));
    env::var_os("WHARF_LAUNCHER").map_or_else(|| built.to_owned(), PathBuf::from)
}
