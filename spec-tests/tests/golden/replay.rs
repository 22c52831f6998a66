//! Two builds and a rebase beside what the reference lifecycle wrote.
use crate::compare::{
    assert_one_family, compare_cache, compare_tree, copy_cache, files_below, recorded_config,
    toml_as_json,
};
use serde_json::Value;
use spec_tests::{
    fixture,
    image::Image,
    read,
    registry::Registry,
    stage::{RECORDED_REGISTRY, Stage},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[test]
fn platform_api_0_7_gives_what_the_reference_gave() {
    replay("0.7");
}

#[test]
fn platform_api_0_9_gives_what_the_reference_gave() {
    replay("0.9");
}

#[test]
fn platform_api_0_13_gives_what_the_reference_gave() {
    replay("0.13");
}

#[test]
fn platform_api_0_15_gives_what_the_reference_gave() {
    replay("0.15");
}

fn replay(api: &str) {
    let replay = Replay::start(api);
    let first = replay.stage();
    replay.build(&first, "first");
    let second = replay.stage();
    copy_cache(
        &first.path("cache/committed"),
        &second.path("cache/committed"),
    );
    replay.build(&second, "second");
    replay.compare_rebased_labels(&replay.rebase(""));
}

/// What was recorded at one Platform API, and a registry to do it again.
pub(crate) struct Replay<'a> {
    pub(crate) api: &'a str,
    pub(crate) golden: PathBuf,
    pub(crate) registry: Registry,
}

impl<'a> Replay<'a> {
    /// With the run image of both builds in the registry.
    pub(crate) fn start(api: &'a str) -> Self {
        let golden = fixture("golden/reference").join(api);
        let registry = Registry::start();
        registry.push(&golden.join("run-before"), "golden/run:base");
        Self {
            api,
            golden,
            registry,
        }
    }

    /// Path of the app image in the registry.
    pub(crate) fn path(&self) -> String {
        format!("golden/probe-{}", self.api.replace('.', "-"))
    }

    pub(crate) fn image(&self) -> String {
        self.registry.name(&self.path())
    }

    /// The directories of a build, before its first phase.
    pub(crate) fn stage(&self) -> Stage {
        Stage::sample(self.api, &self.registry.address())
    }

    fn build(&self, stage: &Stage, build: &str) {
        for (folder, phase, args) in self.phases("-cache-dir=/cache") {
            run(stage, phase, &args);
            self.compare_phase(stage, build, folder);
        }
        self.compare_image(&self.golden.join(build).join("image"));
        compare_cache(
            &stage.path("cache/committed"),
            &self.golden.join(build).join("cache/committed"),
        );
    }

    /// Folder of the recorded files, executable, arguments; `cache` is the argument that names one.
    pub(crate) fn phases(&self, cache: &str) -> [(&'static str, &'static str, String); 5] {
        let image = self.image();
        let run_image = self.registry.name("golden/run:base");
        // The file that names the run image, and whether the detector reads it.
        let (run, targets) = match self.api {
            "0.7" | "0.9" => ("-stack /cnb/stack.toml", ""),
            _ => ("-run /cnb/run.toml", " -run /cnb/run.toml"),
        };
        let app = "-layers=/layers -app=/workspace";
        let places = "-platform=/platform -buildpacks=/cnb/buildpacks";
        let export = format!("{cache} -launcher=/cnb/launcher -report=/layers/report.toml");
        let more = "-project-metadata=/layers/project-metadata.toml -process-type=web";
        [
            (
                "1-analyzer",
                "analyzer",
                format!("-layers=/layers -run-image {run_image} {run} {image}"),
            ),
            (
                "2-detector",
                "detector",
                format!("{app} {places} -order=/cnb/order.toml{targets}"),
            ),
            ("3-restorer", "restorer", format!("-layers=/layers {cache}")),
            ("4-builder", "builder", format!("{app} {places}")),
            (
                "5-exporter",
                "exporter",
                format!("{app} {export} {more} {run} {image}"),
            ),
        ]
    }

    /// What a phase left is what the reference left.
    pub(crate) fn compare_phase(&self, stage: &Stage, build: &str, folder: &str) {
        let build = self.golden.join(build);
        self.compare_files(stage, &build.join(folder), folder);
        if folder == "3-restorer" {
            compare_tree(&stage.path("layers"), &build.join("3-restorer.tree"));
        }
    }

    /// Every recorded TOML and JSON file is there with the same meaning; `config/metadata.toml` with the same bytes.
    fn compare_files(&self, stage: &Stage, recorded: &Path, folder: &str) {
        for file in files_below(recorded) {
            let relative = file
                .strip_prefix(recorded)
                .expect("a file below its directory");
            let ours = stage.path("layers").join(relative);
            let what = format!("{folder}/{}", relative.display());
            if relative == Path::new("config/metadata.toml")
                || file.extension().is_some_and(|e| e == "json")
            {
                assert_eq!(read(&ours), read(&file), "{what}");
            } else {
                assert_eq!(self.meaning(&ours), self.meaning(&file), "{what}");
            }
        }
    }

    /// A TOML file as JSON: recorded floats that are integers are integers, dates are text, digests of manifests
    /// and the size of the manifest are left out, because compressed bytes may differ.
    fn meaning(&self, path: &Path) -> Value {
        let table: toml::Table = read(path)
            .parse()
            .unwrap_or_else(|error| panic!("parse {}: {error}", path.display()));
        self.normal(&toml_as_json(&toml::Value::Table(table)))
    }

    fn normal(&self, value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let kept = map
                    .iter()
                    .filter(|(key, _)| !["manifest-size", "digest"].contains(&key.as_str()));
                kept.map(|(key, value)| (key.clone(), self.normal(value)))
                    .collect()
            }
            Value::Array(items) => items.iter().map(|item| self.normal(item)).collect(),
            Value::String(text) => {
                let text = text.replace(&self.registry.address(), RECORDED_REGISTRY);
                match text.split_once("@sha256:") {
                    Some((name, _)) if name.contains("probe") => Value::from(format!("{name}@")),
                    _ => Value::from(text),
                }
            }
            Value::Number(number) => number.as_f64().map_or(value.clone(), Value::from),
            other => other.clone(),
        }
    }

    /// Same diff IDs, history, configuration and labels as recorded.
    pub(crate) fn compare_image(&self, recorded: &Path) {
        let ours = Image::pull(&format!("docker://{}", self.image()));
        let theirs = recorded_config(recorded);
        assert_eq!(ours.config["rootfs"], theirs["rootfs"]);
        assert_eq!(ours.config["history"], theirs["history"]);
        for key in ["architecture", "os", "created"] {
            assert_eq!(ours.config[key], theirs[key], "{key}");
        }
        for key in ["Entrypoint", "Env", "User", "WorkingDir", "Cmd"] {
            assert_eq!(ours.config["config"][key], theirs["config"][key], "{key}");
        }
        assert_eq!(self.labels(&ours.config), self.labels(&theirs));
        assert_one_family(&ours.manifest);
    }

    fn labels(&self, config: &Value) -> BTreeMap<String, Value> {
        let labels = config["config"]["Labels"]
            .as_object()
            .expect("the config has labels");
        let parsed = labels.iter().map(|(name, text)| {
            let text = text.as_str().expect("a label is text");
            let mut value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
            if let Some(launcher) = value.pointer_mut("/launcher") {
                *launcher = Value::from("any");
            }
            without_what_theirs_lack(&mut value);
            (name.clone(), self.normal(&value))
        });
        parsed.collect()
    }

    /// The rebase onto the patched run image, with further flags, each followed by a space.
    pub(crate) fn rebase(&self, flags: &str) -> Image {
        self.registry
            .push(&self.golden.join("run-after"), "golden/run:base");
        let stage = Stage::new(self.api);
        let args = format!("{flags}-report=/tmp/report.toml {}", self.image());
        run(&stage, "rebaser", &args);
        let ours = Image::pull(&format!("docker://{}", self.image()));
        let theirs = recorded_config(&self.golden.join("rebase/image"));
        assert_eq!(ours.config["rootfs"], theirs["rootfs"]);
        for key in ["Entrypoint", "Env", "User", "WorkingDir"] {
            assert_eq!(ours.config["config"][key], theirs["config"][key], "{key}");
        }
        assert_one_family(&ours.manifest);
        let report = read(&stage.path("tmp/report.toml"));
        assert!(
            report.contains(&format!("digest = \"{}\"", ours.digest)),
            "{report}"
        );
        ours
    }

    pub(crate) fn compare_rebased_labels(&self, ours: &Image) {
        let theirs = recorded_config(&self.golden.join("rebase/image"));
        assert_eq!(self.labels(&ours.config), self.labels(&theirs));
    }
}

/// The specification wants the Buildpack API and the execution environment in labels; the reference leaves both out.
fn without_what_theirs_lack(label: &mut Value) {
    if let Some(label) = label.as_object_mut() {
        label.remove("exec-env");
    }
    let buildpacks = label
        .pointer_mut("/buildpacks")
        .and_then(Value::as_array_mut);
    for buildpack in buildpacks.into_iter().flatten() {
        buildpack
            .as_object_mut()
            .map(|members| members.remove("api"));
    }
}

/// Runs a phase with its arguments in one line.
pub(crate) fn run(stage: &Stage, phase: &str, args: &str) -> String {
    let args: Vec<&str> = args.split(' ').collect();
    stage.phase(phase, &args).expect_code(0).output.clone()
}
