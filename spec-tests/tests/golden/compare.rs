//! What must be equal to the recorded files, and what may differ.
use serde_json::Value;
use spec_tests::{image::digest, read};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The reference mixes families; an image here has one.
pub(crate) fn assert_one_family(manifest: &Value) {
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

pub(crate) fn recorded_manifest(dir: &Path) -> Value {
    serde_json::from_str(&read(&dir.join("manifest.json"))).expect("parse the recorded manifest")
}

pub(crate) fn recorded_config(dir: &Path) -> Value {
    let manifest = recorded_manifest(dir);
    let name = &manifest["config"]["digest"]
        .as_str()
        .expect("it names a config")[7..];
    serde_json::from_str(&read(&dir.join(name))).expect("parse the recorded config")
}

pub(crate) fn toml_as_json(value: &toml::Value) -> Value {
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

/// What wharf keeps beside what the reference keeps.
const OWN: [&str; 2] = ["fingerprints.toml", "seals.toml"];

/// Types, modes, names and links of everything restored; times and sizes of directories may differ, and SBOM files
/// have ordinary modes.
pub(crate) fn compare_tree(layers: &Path, recorded: &Path) {
    let expected: BTreeSet<String> = read(recorded)
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let mode = if fields[1] == "666" { "644" } else { fields[1] };
            let link = fields.get(5).copied().unwrap_or_default();
            format!("{} {mode} {} {link}", fields[0], fields[4])
        })
        .collect();
    let mut seen = tree(layers, layers);
    seen.retain(|line| !OWN.iter().any(|own| line.contains(own)));
    assert_eq!(seen, expected);
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
pub(crate) fn compare_cache(ours: &Path, recorded: &Path) {
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
    let mut seen = contents(ours);
    seen.retain(|name, _| !OWN.contains(&name.as_str()));
    assert_eq!(seen, contents(recorded));
}

pub(crate) fn copy_cache(from: &Path, to: &Path) {
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

pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
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
