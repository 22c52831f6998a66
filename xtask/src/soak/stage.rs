//! The directories of one line, and its phases.
use super::{
    ground::Ground,
    plan::{Line, Work},
};
use crate::{demo, process, workspace};
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// The Platform API of all phases.
const API: &str = "0.15";
/// Bytes that do not compress, in a part of the app that stays and in one that changes with the source.
const NOISE: usize = 300 << 10;
/// The same in the larger apps, one of four: more than connections hold on their way.
const MORE_NOISE: usize = 3 << 20;

/// One run of an executable.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<String>,
    /// Whether it is given the password.
    pub(super) touches_images: bool,
}

/// Directories that last as long as the line.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    ground: &'a Ground,
    line: &'a Line,
    /// Repository of the app.
    pub(super) repository: String,
    dir: PathBuf,
}

impl<'a> Stage<'a> {
    /// Empty directories; they have the same paths in each pass, since images tell of them.
    pub(super) fn new(ground: &'a Ground, line: &'a Line, pass: &str) -> Result<Self> {
        let stage = Self {
            ground,
            line,
            repository: format!("{pass}/line-{:03}", line.number),
            dir: ground.path(&format!("line-{:03}", line.number)),
        };
        demo::fresh(&stage.dir)?;
        for name in ["cache", "platform"] {
            fs::create_dir_all(stage.path(name))?;
        }
        Ok(stage)
    }

    /// The repositories it writes to.
    pub(super) fn repositories(&self) -> Vec<String> {
        let cache = format!("{}-cache", self.repository);
        let mut all = vec![self.repository.clone()];
        all.extend(self.line.cache_image.then_some(cache));
        all
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Fresh directories for an attempt, as a new pod has them, and the source.
    pub(super) fn prepare(&self, work: Work) -> Result<()> {
        for name in ["layers", "tmp", "app"] {
            self.empty(name)?;
        }
        let run = match work {
            Work::Build { version, run, .. } => {
                self.write_source(version)?;
                run
            }
            Work::Rebase(run) => run,
        };
        let image = self.ground.run_image(run);
        write(
            &self.path("run.toml"),
            &format!("[[images]]\nimage = \"{image}\"\n"),
        )?;
        let Some(user) = self.ground.user else {
            return Ok(());
        };
        process::run(process::command("chown", ["-R", &format!("{user}:{user}")]).arg(&self.dir))
    }

    fn empty(&self, name: &str) -> Result<()> {
        // What a killed phase has left running may still write.
        for _ in 0..20 {
            match demo::fresh(&self.path(name)) {
                Ok(()) => return Ok(()),
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
        demo::fresh(&self.path(name))
    }

    fn write_source(&self, version: u32) -> Result<()> {
        let app = self.path("app");
        let fixture = workspace::root().join("fixtures/apps").join(self.line.app);
        process::run(
            process::command("cp", ["-R"])
                .arg(fixture.join("."))
                .arg(&app),
        )?;
        // What stays is a slice of its own, so that its layer stays, too.
        let (file, slice) = match self.line.app {
            "static" => ("index.html", "img"),
            _ => ("services/web.py", "public"),
        };
        let path = app.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("read {file}"))?;
        fs::write(
            &path,
            text.replace("version one", &format!("version {version}")),
        )?;
        let number = u64::try_from(self.line.number)? * 1000;
        fs::write(app.join(slice).join("stays.bin"), noise(number, NOISE))?;
        let size = if self.line.number % 4 == 1 {
            MORE_NOISE
        } else {
            NOISE
        };
        let changes = noise(number + 1 + u64::from(version), size);
        fs::write(app.join("changes.bin"), changes)?;
        Ok(())
    }

    /// The executables of a step, in their order.
    pub(super) fn programs(&self, work: Work, tag: &str) -> Vec<Program> {
        let latest = self.ground.image(&self.repository, "latest");
        let tagged = self.ground.image(&self.repository, tag);
        let launcher = format!("-launcher={}", self.ground.executable("launcher").display());
        let also = format!("-tag={tagged}");
        let program = |name: &str, args: &[&str]| Program {
            path: self.ground.executable(name),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            touches_images: !matches!(name, "detector" | "builder"),
        };
        match work {
            Work::Build { creator: true, .. } => {
                vec![program("creator", &[&launcher, &also, &latest])]
            }
            Work::Build { creator: false, .. } => vec![
                program("analyzer", &[&also, &latest]),
                program("detector", &[]),
                program("restorer", &[]),
                program("builder", &[]),
                program("exporter", &[&launcher, &latest, &tagged]),
            ],
            Work::Rebase(run) => {
                let report = format!("-report={}", self.path("layers/report.toml").display());
                let run = format!("-run-image={}", self.ground.run_image(run));
                vec![program("rebaser", &[&report, &run, &latest, &tagged])]
            }
        }
    }

    /// The variables of all phases.
    pub(super) fn variables(&self) -> BTreeMap<&'static str, String> {
        let shared = |name: &str| self.ground.path(name).display().to_string();
        let own = |name: &str| self.path(name).display().to_string();
        let mut variables = BTreeMap::from([
            ("CNB_PLATFORM_API", API.to_owned()),
            ("CNB_LOG_LEVEL", "debug".to_owned()),
            ("CNB_NO_COLOR", "true".to_owned()),
            ("CNB_USER_ID", "1000".to_owned()),
            ("CNB_GROUP_ID", "1000".to_owned()),
            ("CNB_LAYERS_DIR", own("layers")),
            ("CNB_APP_DIR", own("app")),
            ("CNB_PLATFORM_DIR", own("platform")),
            ("CNB_RUN_PATH", own("run.toml")),
            ("CNB_BUILDPACKS_DIR", shared("buildpacks")),
            ("CNB_ORDER_PATH", shared("order.toml")),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("TMPDIR", own("tmp")),
            ("HOME", own("tmp")),
        ]);
        if self.line.cache_image {
            let image = self
                .ground
                .image(&format!("{}-cache", self.repository), "latest");
            variables.insert("CNB_CACHE_IMAGE", image);
        } else {
            variables.insert("CNB_CACHE_DIR", own("cache"));
        }
        variables
    }

    /// Files below one of its directories.
    pub(super) fn files(&self, name: &str) -> Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        let top = self.path(name);
        list(&top, &top, &mut found).with_context(|| format!("list {}", top.display()))?;
        Ok(found)
    }
}

fn list(top: &Path, dir: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if let Ok(below) = path.strip_prefix(top) {
            found.insert(below.to_path_buf());
        }
        if entry.file_type()?.is_dir() {
            list(top, &path, found)?;
        }
    }
    Ok(())
}

/// Bytes that do not compress, always the same for a number.
fn noise(number: u64, size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number);
    let mut bytes = vec![0; size];
    random.fill(&mut bytes);
    bytes
}

/// Writes a text file.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
