//! The directories of a build on one side, and its phases.
use super::{
    Bench,
    corpus::Corpus,
    empty, image,
    measure::{Program, Run},
    side::Side,
    warehouse::{self, Warehouse},
};
use crate::process;
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
};

/// The Platform API of all phases.
pub(super) const API: &str = "0.15";
/// A registry that nobody asks: images are in layouts.
const NOWHERE: &str = "registry.test";

/// One build on one side.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    bench: &'a Bench,
    pub(super) side: &'a Side,
    /// Where images go; none for a layout.
    pub(super) warehouse: Option<Warehouse>,
    dir: PathBuf,
    host: String,
    env: BTreeMap<String, String>,
}

impl<'a> Stage<'a> {
    /// Fresh directories for a build of a corpus, to a registry or to a layout.
    pub(super) fn new(
        bench: &'a Bench,
        side: &'a Side,
        corpus: &Corpus,
        layout: bool,
    ) -> Result<Self> {
        let dir = bench.dir.join(side.name);
        empty(&dir)?;
        let warehouse = if layout {
            None
        } else {
            Some(Warehouse::open(&dir.join("registry"))?)
        };
        let mut stage = Self {
            bench,
            side,
            dir,
            host: warehouse
                .as_ref()
                .map_or_else(|| NOWHERE.to_owned(), Warehouse::host),
            warehouse,
            env: BTreeMap::new(),
        };
        stage.lay_out(corpus)?;
        Ok(stage)
    }

    fn lay_out(&mut self, corpus: &Corpus) -> Result<()> {
        for name in ["layers", "cache", "tmp", "platform", "images"] {
            empty(&self.path(name))?;
        }
        process::run(
            process::command("cp", ["-R"])
                .arg(corpus.app())
                .arg(self.path("app")),
        )?;
        self.write_buildpack("keep", &corpus.build_script())?;
        self.order(&["keep".to_owned()])?;
        for (name, value) in [
            ("CNB_PLATFORM_API", API.to_owned()),
            ("CNB_USER_ID", self.bench.user.to_string()),
            ("CNB_GROUP_ID", self.bench.user.to_string()),
            ("CNB_NO_COLOR", "true".to_owned()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ] {
            self.env.insert(name.to_owned(), value);
        }
        for (name, path) in [
            ("CNB_LAYERS_DIR", "layers"),
            ("CNB_APP_DIR", "app"),
            ("CNB_PLATFORM_DIR", "platform"),
            ("CNB_BUILDPACKS_DIR", "buildpacks"),
            ("CNB_ORDER_PATH", "order.toml"),
            ("CNB_RUN_PATH", "run.toml"),
            ("TMPDIR", "tmp"),
            ("HOME", "tmp"),
        ] {
            self.set_path(name, path);
        }
        if self.warehouse.is_none() {
            self.env.insert("CNB_USE_LAYOUT".into(), "true".into());
            self.env
                .insert("CNB_EXPERIMENTAL_MODE".into(), "warn".into());
            self.set_path("CNB_LAYOUT_DIR", "images");
            warehouse::run_image_in_layout(&self.path("images"), &self.run_image("one"))?;
        }
        self.write_run_image()?;
        self.give_away(&["layers", "cache", "tmp", "app", "images"])
    }

    /// Makes images go to the registry by way of the proxy.
    pub(super) fn through_proxy(&mut self) -> Result<()> {
        if let Some(warehouse) = &self.warehouse {
            self.host = warehouse.proxy.host();
        }
        self.write_run_image()
    }

    /// Uses the cache directory from now on.
    pub(super) fn with_cache(&mut self) {
        self.set_path("CNB_CACHE_DIR", "cache");
    }

    /// Uses a cache image from now on.
    pub(super) fn with_cache_image(&mut self) {
        let image = format!("{}/bench/cache:latest", self.host);
        self.env.insert("CNB_CACHE_IMAGE".into(), image);
    }

    /// A path on this side.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Name of the image that is built.
    pub(super) fn image(&self) -> String {
        format!("{}/bench/app:latest", self.host)
    }

    /// Name of a run image.
    pub(super) fn run_image(&self, tag: &str) -> String {
        Warehouse::run_image(&self.host, tag)
    }

    /// Replaces the order by one group of these buildpacks.
    pub(super) fn order(&self, buildpacks: &[String]) -> Result<()> {
        let mut text = "[[order]]\n".to_owned();
        for id in buildpacks {
            text += &format!("[[order.group]]\nid = \"bench/{id}\"\nversion = \"1\"\n");
        }
        write(&self.path("order.toml"), &text)
    }

    /// Writes a buildpack that always detects.
    pub(super) fn write_buildpack(&self, id: &str, build: &str) -> Result<()> {
        let dir = self.path("buildpacks").join(format!("bench_{id}/1"));
        fs::create_dir_all(dir.join("bin"))?;
        let descriptor = format!(
            "api = \"0.10\"\n[buildpack]\nid = \"bench/{id}\"\nversion = \"1\"\n[[targets]]\nos = \"linux\"\n[[stacks]]\nid = \"*\"\n"
        );
        write(&dir.join("buildpack.toml"), &descriptor)?;
        write(&dir.join("bin/detect"), "#!/bin/sh\nexit 0\n")?;
        write(&dir.join("bin/build"), build)
    }

    /// Runs a phase with arguments.
    pub(super) fn phase(&self, name: &str, args: &[&str]) -> Result<Run> {
        self.run(&self.side.executable(name), args, name)
    }

    /// Runs the phases before the exporter, each with what it took.
    pub(super) fn before_export(&self) -> Result<Vec<(&'static str, Run)>> {
        Ok(vec![
            ("analyzer", self.phase("analyzer", &[&self.image()])?),
            ("detector", self.phase("detector", &[])?),
            ("restorer", self.phase("restorer", &[])?),
            ("builder", self.phase("builder", &[])?),
        ])
    }

    /// Runs the exporter.
    pub(super) fn export(&self) -> Result<Run> {
        let launcher = self.launcher_flag();
        self.phase("exporter", &[&launcher, &self.image()])
    }

    /// Runs the creator.
    pub(super) fn create(&self) -> Result<Run> {
        let launcher = self.launcher_flag();
        self.phase("creator", &[&launcher, &self.image()])
    }

    fn launcher_flag(&self) -> String {
        format!("-launcher={}", self.side.executable("launcher").display())
    }

    /// Any program with the stage's variables.
    pub(super) fn run(&self, path: &Path, args: &[&str], name: &str) -> Result<Run> {
        let temp = self.path("tmp");
        let program = self.program(path, args, Some(self.path(&format!("{name}.log"))), &temp);
        self.bench.helper.run(&program)
    }

    /// Seconds of each of many runs of a program.
    pub(super) fn repeat(&self, path: &Path, args: &[&str], count: usize) -> Result<Vec<f64>> {
        let temp = self.path("tmp");
        self.bench
            .helper
            .repeat(&self.program(path, args, None, &temp), count)
    }

    fn program<'b>(
        &'b self,
        path: &'b Path,
        args: &[&str],
        log: Option<PathBuf>,
        temp: &'b Path,
    ) -> Program<'b> {
        Program {
            path,
            args: args.iter().map(OsString::from).collect(),
            env: &self.env,
            temp,
            log,
            user: self.bench.user,
        }
    }

    /// Empties directories, as a platform's next build starts.
    pub(super) fn renew(&self, names: &[&str]) -> Result<()> {
        names.iter().try_for_each(|name| empty(&self.path(name)))?;
        self.give_away(names)
    }

    /// Throws away what was built before, for a first build.
    pub(super) fn forget_images(&mut self) -> Result<()> {
        if let Some(warehouse) = &mut self.warehouse {
            return warehouse.clear();
        }
        let dir = self.path("images").join(NOWHERE).join("bench/app");
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
        }
        Ok(())
    }

    /// Replaces a directory by a copy of itself, which looks the same and is not.
    pub(super) fn copy(&self, name: &str) -> Result<()> {
        let (path, old) = (self.path(name), self.path("old"));
        fs::rename(&path, &old)?;
        process::run(process::command("cp", ["-a"]).arg(&old).arg(&path))?;
        fs::remove_dir_all(&old).context("remove the original of a copy")
    }

    /// Compressed sizes of the layers of the image.
    pub(super) fn layers(&self) -> Result<image::Layers> {
        match &self.warehouse {
            Some(warehouse) => image::in_registry(&warehouse.data(), "bench/app"),
            None => image::in_layout(&self.path("images").join(NOWHERE).join("bench/app/latest")),
        }
    }

    /// Directories of the layers that were built.
    pub(super) fn built(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.path("layers/bench_keep"))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }

    /// What becomes layers of the image: layers that were built, and the app.
    pub(super) fn contents(&self) -> Result<Vec<PathBuf>> {
        let mut contents = self.built()?;
        contents.push(self.path("app"));
        Ok(contents)
    }

    fn set_path(&mut self, name: &str, path: &str) {
        let path = self.path(path).display().to_string();
        self.env.insert(name.to_owned(), path);
    }

    fn write_run_image(&self) -> Result<()> {
        let image = self.run_image("one");
        write(
            &self.path("run.toml"),
            &format!("[[images]]\nimage = \"{image}\"\n"),
        )
    }

    /// Makes the phases' user the owner.
    pub(super) fn give_away(&self, names: &[&str]) -> Result<()> {
        if !nix::unistd::geteuid().is_root() {
            return Ok(());
        }
        let owner = format!("{0}:{0}", self.bench.user);
        let paths = names.iter().map(|name| self.path(name));
        process::run(process::command("chown", ["-R", &owner]).args(paths))?;
        chown(&self.dir, Some(self.bench.user), Some(self.bench.user))
            .context("give a directory away")
    }
}

/// Writes a file with its parents; one with `#!` can be run.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).context("set the mode")
}
