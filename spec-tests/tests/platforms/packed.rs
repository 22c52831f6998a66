//! What is shipped: the archive that makes builders, the lifecycle image, and the one version in both.
use crate::pod::{Base, CNB, Container, Pod};
use serde_json::{Value, json};
use spec_tests::{image::Image, lifecycle_dir, toml_of};
use std::{collections::BTreeSet, path::PathBuf, process::Command};

const NAMES: [&str; 9] = [
    "analyzer", "builder", "creator", "detector", "exporter", "extender", "launcher", "rebaser",
    "restorer",
];

/// A file beside the directory of executables.
fn packed(name: &str) -> PathBuf {
    lifecycle_dir().with_file_name(name)
}

fn descriptor() -> toml::Table {
    toml_of(&packed("lifecycle.toml"))
}

fn as_json(value: &toml::Value) -> Value {
    serde_json::to_value(value).expect("TOML without dates is JSON")
}

#[test]
fn the_archive_has_descriptor_and_every_executable() {
    let list = lifecycle_dir().with_file_name("").read_dir();
    let archive = list
        .expect("list what is shipped")
        .map(|entry| entry.expect("read an entry").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .expect("there is an archive");
    let tar = |args: &[&str]| {
        let output = Command::new("tar").args(args).arg(&archive).output();
        String::from_utf8(output.expect("start tar").stdout).expect("names are text")
    };
    let listed = tar(&["-tzf"]);
    let names: BTreeSet<&str> = listed
        .lines()
        .map(|name| name.trim_end_matches('/'))
        .collect();
    let mut expected: BTreeSet<String> = NAMES
        .iter()
        .chain(&["lifecycle"])
        .map(|name| format!("lifecycle/{name}"))
        .collect();
    expected.extend(["lifecycle".to_owned(), "lifecycle.toml".to_owned()]);
    assert_eq!(names, expected.iter().map(String::as_str).collect());
    let inside = Command::new("tar")
        .arg("-xzOf")
        .arg(&archive)
        .arg("lifecycle.toml")
        .output()
        .expect("start tar");
    let inside: toml::Table = String::from_utf8_lossy(&inside.stdout)
        .parse()
        .expect("the descriptor is TOML");
    assert_eq!(inside, descriptor());
}

#[test]
fn the_descriptor_says_what_pack_asks_of_it() {
    let descriptor = descriptor();
    let range = |first, last| -> Vec<Value> {
        (first..=last)
            .map(|minor: u8| json!(format!("0.{minor}")))
            .collect()
    };
    let apis = json!({
        "platform": {"supported": range(7, 15), "deprecated": []},
        "buildpack": {"supported": range(7, 12), "deprecated": []},
    });
    assert_eq!(as_json(&descriptor["apis"]), apis);
    let oldest = json!({"platform": "0.7", "buildpack": "0.7"});
    assert_eq!(as_json(&descriptor["api"]), oldest);
    let formats = json!([
        "application/vnd.cyclonedx+json",
        "application/spdx+json",
        "application/vnd.syft+json",
    ]);
    assert_eq!(as_json(&descriptor["lifecycle"]["sbom-formats"]), formats);
}

#[test]
fn the_lifecycle_image_tells_version_and_apis() {
    let image = Image::layout(&packed("lifecycle-image"));
    let descriptor = descriptor();
    let metadata = image.json_label("io.buildpacks.builder.metadata");
    let lifecycle = &metadata["lifecycle"];
    let version = as_json(&descriptor["lifecycle"]["version"]);
    assert_eq!(lifecycle["version"], version);
    assert_eq!(lifecycle["api"], as_json(&descriptor["api"]));
    let apis = image.json_label("io.buildpacks.lifecycle.apis");
    assert_eq!(apis, as_json(&descriptor["apis"]));
    let label = image.label("io.buildpacks.lifecycle.version");
    assert_eq!(label, version.as_str());
    let paths: BTreeSet<String> = image
        .entries(0)
        .into_iter()
        .map(|entry| entry.path)
        .collect();
    for name in NAMES {
        assert!(paths.contains(&format!("/cnb/lifecycle/{name}")), "{name}");
    }
}

/// kpack takes a difference for a new lifecycle, and rebuilds for ever.
#[test]
fn images_name_the_version_that_builders_name() {
    let pod = Pod::new("0.9");
    pod.write_docker_config("home/.docker");
    let container = Container {
        base: Base::Builder,
        user: CNB,
        env: &[("CNB_PLATFORM_API", "0.9")],
        mounts: &[
            ("layers", "/layers"),
            ("workspace", "/workspace"),
            ("platform", "/platform"),
            ("home", "/home/cnb"),
        ],
    };
    pod.step(&container, "/cnb/lifecycle/creator {registry}/app/version");
    let image = pod.pull("app/version");
    let build = image.json_label("io.buildpacks.build.metadata");
    let version = as_json(&descriptor()["lifecycle"]["version"]);
    assert_eq!(build["launcher"]["version"], version);
}
