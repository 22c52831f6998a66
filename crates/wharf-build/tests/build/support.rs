//! Buildpacks in a temporary directory whose `bin/build` is a closure.
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Mutex,
};
use tempfile::TempDir;
use wharf_build::{BuildError, BuildInputs, build};
use wharf_buildpack::{
    BuildpackRunner, BuildpackStore, Captured, Context, Exit, Request, RunError,
};
use wharf_env::Env;
use wharf_spec::{
    api::{CommandForm, LegacyBom, SbomPaths},
    files::{group::Group, metadata::BuildMetadata, parse, plan::Plan},
    log::Level,
};
use wharf_testkit::{RecordingLog, chain, files::write};

/// What `bin/build` of one buildpack does: files below its layers directory, and how it ends.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) files: Vec<(String, String)>,
    pub(crate) exit: Exit,
}

/// One run as the runner saw it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) env: Env,
    pub(crate) plan: String,
}

#[derive(Default)]
pub(crate) struct ScriptedRunner {
    scripts: BTreeMap<String, Script>,
    pub(crate) seen: Mutex<Vec<Seen>>,
}

impl BuildpackRunner for ScriptedRunner {
    fn detect(&self, _: &Request) -> Result<Captured, RunError> {
        unreachable!("a build detects nothing")
    }

    fn build(&self, request: &Request, out: &mut dyn Write) -> Result<Exit, RunError> {
        let layers = PathBuf::from(&request.arguments[0]);
        let plan = Path::new(&request.arguments[2]);
        let id = layers.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(plan.parent().unwrap().file_name(), layers.file_name());
        assert!(layers.is_dir());
        self.seen.lock().unwrap().push(Seen {
            id: id.clone(),
            env: request.env.clone(),
            plan: fs::read_to_string(plan).unwrap(),
        });
        write!(out, "building {id}").unwrap();
        let script = &self.scripts[&id];
        for (name, content) in &script.files {
            if name.ends_with('/') {
                fs::create_dir_all(layers.join(name)).unwrap();
            } else {
                write(&layers.join(name), content);
            }
        }
        Ok(script.exit)
    }
}

pub(crate) struct Stage {
    pub(crate) dir: TempDir,
    pub(crate) inputs: BuildInputs,
    pub(crate) runner: ScriptedRunner,
    pub(crate) log: RecordingLog,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["app", "tmp", "buildpacks", "layers"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self {
            inputs: BuildInputs {
                context: Context {
                    app_dir: dir.path().join("app"),
                    platform_dir: dir.path().join("platform"),
                    temp_dir: dir.path().join("tmp"),
                    exec_env: Some("production".parse().unwrap()),
                    ..Context::default()
                },
                layers_dir: dir.path().join("layers"),
                group: Group::default(),
                plan: Plan::default(),
                command_form: CommandForm::List,
                legacy_bom: LegacyBom::File,
                sbom_paths: SbomPaths::ByKind,
            },
            dir,
            runner: ScriptedRunner::default(),
            log: RecordingLog::new(),
        }
    }

    /// Adds a buildpack of API 0.12 to the end of the group.
    pub(crate) fn buildpack(&mut self, id: &str, files: &[(&str, &str)]) -> &mut Self {
        self.buildpack_of(id, "0.12", files)
    }

    pub(crate) fn buildpack_of(
        &mut self,
        id: &str,
        api: &str,
        files: &[(&str, &str)],
    ) -> &mut Self {
        let descriptor = format!(
            "api = '{api}'\n[buildpack]\nid = '{id}'\nversion = '1'\nsbom-formats = ['application/vnd.cyclonedx+json']\n"
        );
        let escaped = id.replace('/', "_");
        let path = self.dir.path().join("buildpacks").join(&escaped);
        write(&path.join("1/buildpack.toml"), &descriptor);
        let group: Group = parse(&format!(
            "[[group]]\nid = '{id}'\nversion = '1'\napi = '{api}'\n"
        ))
        .unwrap();
        self.inputs.group.group.extend(group.group);
        let files = files
            .iter()
            .map(|(name, text)| ((*name).into(), (*text).into()));
        let script = Script {
            files: files.collect(),
            exit: Exit::Code(0),
        };
        self.runner.scripts.insert(escaped, script);
        self
    }

    pub(crate) fn exits(&mut self, id: &str, exit: Exit) {
        self.runner.scripts.get_mut(id).unwrap().exit = exit;
    }

    pub(crate) fn build(&self) -> Result<BuildMetadata, BuildError> {
        self.build_to(&mut Vec::new())
    }

    pub(crate) fn build_to(&self, out: &mut Vec<u8>) -> Result<BuildMetadata, BuildError> {
        let store = BuildpackStore::new(self.dir.path().join("buildpacks"));
        let result = build(&self.inputs, &store, &self.runner, &self.log, out);
        let left = fs::read_dir(self.dir.path().join("tmp")).unwrap().count();
        assert_eq!(left, 0, "temporary files are removed");
        result
    }

    pub(crate) fn layers(&self, path: &str) -> PathBuf {
        self.inputs.layers_dir.join(path)
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.log.lines(Level::Warn)
    }

    /// The error of the build with its causes.
    pub(crate) fn message(&self) -> String {
        chain(&self.build().unwrap_err())
    }
}
