//! An app image's process in the image's files, without a container engine.
use crate::{
    image::Image,
    stage::{Outcome, Stage, sandbox},
};
use std::{fs, process::Command};
use tempfile::TempDir;

/// The files an image has above its base, and how a container engine would start its process. In the place of the
/// base image are the system's directories of this machine.
#[derive(Debug)]
pub struct Container {
    files: TempDir,
    env: Vec<(String, String)>,
    entrypoint: Vec<String>,
    directory: String,
}

impl Container {
    /// Unpacks an image above its `base` lowest layers.
    pub fn of(image: &Image, base: usize) -> Self {
        let files = TempDir::new().expect("make a temporary directory");
        for index in base..image.layers().len() {
            tar::Archive::new(image.archive(index).as_slice())
                .unpack(files.path())
                .unwrap_or_else(|error| panic!("unpack layer {index}: {error}"));
        }
        let config = &image.config["config"];
        let words = |name: &str| -> Vec<String> {
            let list = config[name].as_array().into_iter().flatten();
            list.filter_map(|word| word.as_str().map(str::to_owned))
                .collect()
        };
        let env = words("Env");
        let env = env.iter().filter_map(|variable| variable.split_once('='));
        Self {
            env: env
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            entrypoint: [words("Entrypoint"), words("Cmd")].concat(),
            directory: config["WorkingDir"].as_str().unwrap_or("/").to_owned(),
            files,
        }
    }

    /// With a variable of the user.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs what the image starts when nothing else is said, with arguments. The command goes into the journal of
    /// `stage`.
    pub fn run(&self, stage: &Stage, args: &[&str]) -> Outcome {
        let mut command = self.enter();
        command.args(&self.entrypoint).args(args);
        stage.finish(command)
    }

    /// Runs another entrypoint, with arguments.
    pub fn run_as(&self, stage: &Stage, entrypoint: &str, args: &[&str]) -> Outcome {
        let mut command = self.enter();
        command.arg(entrypoint).args(args);
        stage.finish(command)
    }

    fn enter(&self) -> Command {
        let mut bwrap = sandbox();
        bwrap.args(["--tmpfs", "/tmp"]);
        for entry in fs::read_dir(self.files.path()).expect("list the image's files") {
            let entry = entry.expect("read a directory entry");
            let inside = std::path::Path::new("/").join(entry.file_name());
            bwrap.arg("--bind").arg(entry.path()).arg(inside);
        }
        for (name, value) in &self.env {
            bwrap.args(["--setenv", name, value]);
        }
        bwrap.args(["--chdir", &self.directory, "--"]);
        bwrap
    }
}
