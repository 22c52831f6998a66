//! Buildpacks in a temporary directory whose `bin/detect` is scripted.
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tempfile::TempDir;
use wharf_buildpack::{
    BuildpackRunner, BuildpackStore, Captured, Context, Exit, Request, RunError,
};
use wharf_detect::{DetectError, DetectInputs, Detected, detect};
use wharf_spec::{
    api::Extensions,
    files::{parse, system::SystemBuildpacks},
};
use wharf_testkit::RecordingLog;

/// What `bin/detect` of one buildpack does.
#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) plan: String,
    pub(crate) cancelled: bool,
}

#[derive(Default)]
pub(crate) struct ScriptedRunner {
    /// By `<escaped id>/<version>`.
    scripts: BTreeMap<PathBuf, Script>,
    root: PathBuf,
    /// What ran, in order of starting.
    pub(crate) runs: Mutex<Vec<String>>,
    pub(crate) barrier: Option<Barrier>,
    running: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

impl BuildpackRunner for ScriptedRunner {
    fn detect(&self, request: &Request) -> Result<Captured, RunError> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        if let Some(barrier) = &self.barrier {
            barrier.wait();
        }
        let place = request.program.strip_prefix(&self.root).unwrap();
        let place = place.parent().unwrap().parent().unwrap();
        self.runs.lock().unwrap().push(place.display().to_string());
        let script = &self.scripts[place];
        let plan = Path::new(&request.arguments[1]);
        assert_eq!(
            fs::read(plan).unwrap(),
            b"",
            "the plan file is there and empty"
        );
        fs::write(plan, &script.plan).unwrap();
        self.running.fetch_sub(1, Ordering::SeqCst);
        if script.cancelled {
            let path = request.program.clone();
            return Err(RunError::Cancelled { path });
        }
        Ok(Captured {
            exit: Exit::Code(script.code),
            output: script.output.clone().into_bytes(),
        })
    }

    fn build(&self, _: &Request, _: &mut dyn Write) -> Result<Exit, RunError> {
        unreachable!("detection builds nothing")
    }
}

pub(crate) struct Stage {
    pub(crate) dir: TempDir,
    pub(crate) inputs: DetectInputs,
    pub(crate) runner: ScriptedRunner,
    pub(crate) log: RecordingLog,
}

impl Stage {
    /// With this `order.toml`.
    pub(crate) fn new(order: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["app", "tmp", "buildpacks"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let context = Context {
            app_dir: dir.path().join("app"),
            platform_dir: dir.path().join("platform"),
            temp_dir: dir.path().join("tmp"),
            ..Context::default()
        };
        let runner = ScriptedRunner {
            root: dir.path().join("buildpacks"),
            ..ScriptedRunner::default()
        };
        Self {
            inputs: DetectInputs {
                context,
                stack: None,
                order: parse(order).unwrap(),
                system: SystemBuildpacks::default(),
                extensions: Extensions::Stable,
                concurrency: 4,
            },
            dir,
            runner,
            log: RecordingLog::new(),
        }
    }

    /// A group per argument: ids of version 1, optional with a `?`.
    pub(crate) fn of_groups(groups: &[&str]) -> Self {
        Self::new(&order(groups))
    }

    /// Writes a `buildpack.toml` with `extra` behind `[buildpack]`.
    pub(crate) fn descriptor(&self, id: &str, api: &str, extra: &str) {
        let path = self.runner.root.join(id.replace('/', "_")).join("1");
        fs::create_dir_all(&path).unwrap();
        let text = format!("api = '{api}'\n[buildpack]\nid = '{id}'\nversion = '1'\n{extra}\n");
        fs::write(path.join("buildpack.toml"), text).unwrap();
    }

    /// A buildpack with a script.
    pub(crate) fn script(&mut self, id: &str, script: Script) {
        self.descriptor(id, "0.10", "");
        self.only_script(id, script);
    }

    pub(crate) fn only_script(&mut self, id: &str, script: Script) {
        let place = Path::new(&id.replace('/', "_")).join("1");
        self.runner.scripts.insert(place, script);
    }

    /// Buildpacks that pass without a plan.
    pub(crate) fn passing(&mut self, ids: &[&str]) {
        for id in ids {
            self.script(id, Script::default());
        }
    }

    pub(crate) fn exits(&mut self, id: &str, code: i32) {
        self.script(
            id,
            Script {
                code,
                ..Script::default()
            },
        );
    }

    pub(crate) fn detect(&self) -> Result<Detected, DetectError> {
        let store = BuildpackStore::new(&self.runner.root);
        let result = detect(&self.inputs, &store, &self.runner, &self.log);
        let left = fs::read_dir(self.dir.path().join("tmp")).unwrap().count();
        assert_eq!(left, 0, "temporary files are removed");
        result
    }

    /// Ids of the detected group.
    pub(crate) fn detected(&self) -> Vec<String> {
        let detected = self.detect().unwrap();
        let ids = detected.group.group.iter().map(|one| one.id.to_string());
        ids.collect()
    }

    pub(crate) fn runs(&self) -> Vec<String> {
        let mut runs = self.runner.runs.lock().unwrap().clone();
        runs.sort();
        runs
    }
}

/// The text of an `[[order]]` with these groups.
pub(crate) fn order(groups: &[&str]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for group in groups {
        text += "[[order]]\n";
        for id in group.split_whitespace() {
            let optional = id.ends_with('?');
            let id = id.trim_end_matches('?');
            write!(
                text,
                "[[order.group]]\nid = '{id}'\nversion = '1'\noptional = {optional}\n"
            )
            .unwrap();
        }
    }
    text
}
