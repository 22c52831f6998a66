//! Two builds and a rebase, replayed phase by phase beside what the reference lifecycle wrote
//! (`fixtures/golden/reference`).
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]
use serde_json::Value;
use spec_tests::{
    fixture,
    image::{Image, digest},
    read,
    registry::Registry,
    stage::{RECORDED_REGISTRY, Stage},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
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
    let golden = fixture("golden/reference").join(api);
    let registry = Registry::start();
    registry.push(&golden.join("run-before"), "golden/run:base");
    let replay = Replay {
        api,
        golden,
        registry,
        cache: Stage::new(api),
    };
    replay.build("first");
    replay.build("second");
    replay.rebase();
}

struct Replay<'a> {
    api: &'a str,
    golden: PathBuf,
    registry: Registry,
    /// Only its cache directory is used: it goes from build to build.
    cache: Stage,
}

impl Replay<'_> {
    fn image(&self) -> String {
        self.registry
            .name(&format!("golden/probe-{}", self.api.replace('.', "-")))
    }

    fn build(&self, build: &str) {
        let stage = self.stage();
        for (folder, phase, args) in self.phases() {
            let args: Vec<&str> = args.split(' ').collect();
            stage.phase(phase, &args).expect_code(0);
            let recorded = self.golden.join(build).join(folder);
            self.compare_files(&stage, &recorded, folder);
            if phase == "restorer" {
                compare_tree(
                    &stage.path("layers"),
                    &self.golden.join(build).join("3-restorer.tree"),
                );
            }
        }
        self.compare_image(&self.golden.join(build).join("image"));
        compare_cache(
            &stage.path("cache/committed"),
            &self.golden.join(build).join("cache/committed"),
        );
        copy_cache(
            &stage.path("cache/committed"),
            &self.cache.path("cache/committed"),
        );
    }

    /// Folder of the recorded files, executable, arguments.
    fn phases(&self) -> [(&'static str, &'static str, String); 5] {
        let image = self.image();
        let run_image = self.registry.name("golden/run:base");
        // The file that names the run image, and whether the detector reads it.
        let (run, targets) = match self.api {
            "0.7" | "0.9" => ("-stack /cnb/stack.toml", ""),
            _ => ("-run /cnb/run.toml", " -run /cnb/run.toml"),
        };
        let app = "-layers=/layers -app=/workspace";
        let places = "-platform=/platform -buildpacks=/cnb/buildpacks";
        let export = "-cache-dir=/cache -launcher=/cnb/launcher -report=/layers/report.toml";
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
            (
                "3-restorer",
                "restorer",
                "-layers=/layers -cache-dir=/cache".to_owned(),
            ),
            ("4-builder", "builder", format!("{app} {places}")),
            (
                "5-exporter",
                "exporter",
                format!("{app} {export} {more} {run} {image}"),
            ),
        ]
    }

    fn stage(&self) -> Stage {
        let stage = Stage::sample(self.api, &self.registry.address());
        if self.cache.path("cache/committed").exists() {
            copy_cache(
                &self.cache.path("cache/committed"),
                &stage.path("cache/committed"),
            );
        }
        stage
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
    fn compare_image(&self, recorded: &Path) {
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
            (name.clone(), self.normal(&value))
        });
        parsed.collect()
    }

    fn rebase(&self) {
        self.registry
            .push(&self.golden.join("run-after"), "golden/run:base");
        let stage = Stage::new(self.api);
        stage
            .phase("rebaser", &["-report=/tmp/report.toml", &self.image()])
            .expect_code(0);
        let ours = Image::pull(&format!("docker://{}", self.image()));
        let theirs = recorded_config(&self.golden.join("rebase/image"));
        assert_eq!(ours.config["rootfs"], theirs["rootfs"]);
        assert_eq!(self.labels(&ours.config), self.labels(&theirs));
        for key in ["Entrypoint", "Env", "User", "WorkingDir"] {
            assert_eq!(ours.config["config"][key], theirs["config"][key], "{key}");
        }
        assert_one_family(&ours.manifest);
        let report = read(&stage.path("tmp/report.toml"));
        assert!(
            report.contains(&format!("digest = \"{}\"", ours.digest)),
            "{report}"
        );
    }
}

/// The reference mixes families; an image here has one.
fn assert_one_family(manifest: &Value) {
    let kind = manifest["config"]["mediaType"]
        .as_str()
        .expect("the config has a media type");
    let family = if kind.contains(".docker.") {
        ".docker."
    } else {
        ".oci."
    };
    for layer in manifest["layers"]
        .as_array()
        .expect("the manifest has layers")
    {
        let media_type = layer["mediaType"]
            .as_str()
            .expect("a layer has a media type");
        assert!(media_type.contains(family), "{media_type} beside {kind}");
    }
}

fn recorded_config(dir: &Path) -> Value {
    let manifest: Value = serde_json::from_str(&read(&dir.join("manifest.json")))
        .expect("parse the recorded manifest");
    let name = &manifest["config"]["digest"]
        .as_str()
        .expect("it names a config")[7..];
    serde_json::from_str(&read(&dir.join(name))).expect("parse the recorded config")
}

fn toml_as_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(flag) => Value::from(*flag),
        toml::Value::Datetime(date) => Value::from(date.to_string()),
        toml::Value::Array(items) => items.iter().map(toml_as_json).collect(),
        toml::Value::Table(table) => table
            .iter()
            .map(|(key, value)| (key.clone(), toml_as_json(value)))
            .collect(),
    }
}

/// Types, modes, names and links of everything restored; times and sizes of directories may differ, and SBOM files
/// have ordinary modes.
fn compare_tree(layers: &Path, recorded: &Path) {
    let expected: BTreeSet<String> = read(recorded)
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let mode = if fields[1] == "666" { "644" } else { fields[1] };
            let link = fields.get(5).copied().unwrap_or_default();
            format!("{} {mode} {} {link}", fields[0], fields[4])
        })
        .collect();
    assert_eq!(tree(layers, layers), expected);
}

fn tree(root: &Path, dir: &Path) -> BTreeSet<String> {
    use std::os::unix::fs::PermissionsExt;
    let line = |path: &Path| {
        let metadata = fs::symlink_metadata(path).expect("look at a restored path");
        let kind = if metadata.is_dir() {
            "d"
        } else if metadata.is_symlink() {
            "l"
        } else {
            "f"
        };
        let relative = path
            .strip_prefix(root)
            .expect("a path below its root")
            .display()
            .to_string();
        let name = if relative.is_empty() {
            ".".to_owned()
        } else {
            format!("./{relative}")
        };
        let link = fs::read_link(path)
            .map(|link| link.display().to_string())
            .unwrap_or_default();
        format!(
            "{kind} {:o} {name} {link}",
            metadata.permissions().mode() & 0o7777
        )
    };
    let mut lines = BTreeSet::from([line(dir)]);
    for entry in fs::read_dir(dir).expect("list a restored directory") {
        let path = entry.expect("read a directory entry").path();
        if path.is_dir() && !path.is_symlink() {
            lines.extend(tree(root, &path));
        } else {
            lines.insert(line(&path));
        }
    }
    lines
}

/// Names, contents and metadata of the cache.
fn compare_cache(ours: &Path, recorded: &Path) {
    let contents = |dir: &Path| -> BTreeMap<String, Value> {
        let list =
            fs::read_dir(dir).unwrap_or_else(|error| panic!("list {}: {error}", dir.display()));
        list.map(|entry| {
            let path = entry.expect("read a directory entry").path();
            let name = path
                .file_name()
                .expect("an entry has a name")
                .to_string_lossy()
                .into_owned();
            let bytes = fs::read(&path).expect("read a cache file");
            let value =
                serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::from(digest(&bytes)));
            (name, value)
        })
        .collect()
    };
    assert_eq!(contents(ours), contents(recorded));
}

fn copy_cache(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("make the cache directory");
    for entry in fs::read_dir(from).expect("list the cache") {
        let path = entry.expect("read a directory entry").path();
        fs::copy(
            &path,
            to.join(path.file_name().expect("an entry has a name")),
        )
        .expect("copy a cache file");
    }
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("list {}: {error}", dir.display()))
    {
        let path = entry.expect("read a directory entry").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
