//! `wharf builder create`.
use crate::place::{Place, build_image};
use serde_json::{Value, json};
use std::{fs, process::Command};
use wharf_image::Family;

const CREATE: [&str; 5] = [
    "builder",
    "create",
    "source/builder.toml",
    "--output",
    "oci:out:v1",
];

fn label(image: &wharf_image::Image, name: &str) -> Value {
    serde_json::from_str(image.label(name).unwrap()).unwrap()
}

#[test]
fn puts_buildpacks_order_and_lifecycle_on_the_build_image() {
    let place = Place::with_builder_sources();
    place.wharf(&CREATE).success();
    let image = place.read("out", "v1");
    let files = place.archive("out", &image);
    let lines: Vec<&str> = files.iter().map(|(line, _)| line.as_str()).collect();
    let expected = include_str!("builder.txt");
    assert_eq!(lines.join("\n") + "\n", expected);
    let content = |path: &str| {
        let found = files
            .iter()
            .find(|(line, _)| line.starts_with(&format!("{path} ")));
        found.unwrap().1.clone()
    };
    assert_eq!(
        content("/cnb/order.toml"),
        "[[order]]\n\n  [[order.group]]\n    id = \"example/second\"\n    version = \"2.1\"\n    optional = true\n\n  [[order.group]]\n    id = \"example/first\"\n    version = \"1.0.0\"\n"
    );
    assert_eq!(
        content("/cnb/run.toml"),
        "[[images]]\n  image = \"registry.example/run:1\"\n  mirrors = [\"mirror.example/run:1\"]\n"
    );
    assert_eq!(content("/cnb/build-config/env/GREETING.append"), "hello");
    assert_eq!(content("/cnb/build-config/env/GREETING.delim"), " ");
    assert_eq!(
        wharf_image::validate::validate(&image),
        Vec::<String>::new()
    );
}

#[test]
fn writes_the_labels_that_platforms_read() {
    let place = Place::with_builder_sources();
    place.wharf(&CREATE).success();
    let image = place.read("out", "v1");
    let apis = json!({
        "buildpack": {"deprecated": [], "supported": ["0.7", "0.10"]},
        "platform": {"deprecated": [], "supported": ["0.7", "0.15"]},
    });
    let run = json!({"image": "registry.example/run:1", "mirrors": ["mirror.example/run:1"]});
    let module =
        |id: &str, version: &str| json!({"id": id, "name": "An example", "version": version});
    assert_eq!(
        label(&image, "io.buildpacks.builder.metadata"),
        json!({
            "description": "A builder",
            "buildpacks": [module("example/first", "1.0.0"), module("example/second", "2.1")],
            "extensions": null,
            "stack": {"runImage": run},
            "lifecycle": {"version": "1.2.3", "api": {"buildpack": "0.7", "platform": "0.7"}, "apis": apis},
            "createdBy": {"name": "wharf", "version": env!("CARGO_PKG_VERSION")},
            "images": [run],
        })
    );
    assert_eq!(
        image.label("io.buildpacks.lifecycle.version"),
        Some("1.2.3")
    );
    assert_eq!(label(&image, "io.buildpacks.lifecycle.apis"), apis);
    assert_eq!(
        label(&image, "io.buildpacks.buildpack.order"),
        json!([{"group": [
            {"id": "example/second", "version": "2.1", "optional": true},
            {"id": "example/first", "version": "1.0.0"},
        ]}])
    );
    let layers = label(&image, "io.buildpacks.buildpack.layers");
    let diff_id = image.layers()[3].diff_id.to_string();
    let targets = json!([{"os": "linux", "arch": "", "variant": "", "distros": []}]);
    assert_eq!(
        layers["example/first"]["1.0.0"],
        json!({"api": "0.10", "targets": targets, "layerDiffID": diff_id, "name": "An example"})
    );
    assert_eq!(image.label("io.buildpacks.base.distro.name"), Some("tiny"));
    let config = image.config()["config"].clone();
    assert_eq!(
        (&config["User"], &config["WorkingDir"]),
        (&json!("1234:2345"), &json!("/layers"))
    );
}

#[test]
fn equal_input_gives_equal_bytes_whatever_the_umask_and_the_clock() {
    let place = Place::with_builder_sources();
    place.wharf(&CREATE).success();
    // Another checkout, another time: modes without what the umask takes, and new times.
    let copied = Command::new("cp")
        .args(["-rL", "source", "elsewhere"])
        .current_dir(place.path(""))
        .status();
    assert!(copied.unwrap().success());
    let chmod = Command::new("chmod")
        .args(["-R", "go-rwx", "elsewhere"])
        .current_dir(place.path(""))
        .status();
    assert!(chmod.unwrap().success());
    place
        .wharf(&[
            "builder",
            "create",
            "elsewhere/builder.toml",
            "--output",
            "oci:again:v2",
        ])
        .success();
    assert_eq!(
        place.read("out", "v1").digest(),
        place.read("again", "v2").digest()
    );
}

#[test]
fn a_layout_gets_oci_media_types_whatever_the_build_image_has() {
    let place = Place::with_builder_sources();
    place.wharf(&CREATE).success();
    let oci = place.read("out", "v1");
    place.image("base", "build", &build_image().family(Family::Docker));
    assert_eq!(place.read("base", "build").family(), Family::Docker);
    let mut arguments = CREATE.to_vec();
    arguments[4] = "oci:converted:v1";
    place.wharf(&arguments).success();
    let converted = place.read("converted", "v1");
    assert_eq!(converted.digest(), oci.digest());
    assert_eq!(
        wharf_image::validate::validate(&converted),
        Vec::<String>::new()
    );
}

#[test]
fn takes_a_lifecycle_from_an_archive() {
    let place = Place::with_builder_sources();
    place.wharf(&CREATE).success();
    let packed = Command::new("tar")
        .args(["-czf", "../lifecycle.tgz", "lifecycle.toml", "lifecycle"])
        .current_dir(place.path("dist"))
        .status();
    assert!(packed.unwrap().success());
    fs::remove_dir_all(place.path("dist")).unwrap();
    let mut arguments = CREATE.to_vec();
    arguments[4] = "oci:packed:v1";
    arguments.extend(["--lifecycle", "lifecycle.tgz"]);
    place.wharf(&arguments).success();
    assert_eq!(
        place.read("out", "v1").digest(),
        place.read("packed", "v1").digest()
    );
}

#[test]
fn says_what_is_wrong_and_where() {
    let cases = [
        (
            "uri = \"example-first\"",
            "uri = \"nowhere\"",
            "use buildpack 'nowhere': 'source/nowhere' is not a directory",
        ),
        (
            "id = \"example/first\"\n\n",
            "id = \"example/other\"\n\n",
            "use buildpack 'example-first': it is example/first@1.0.0, not 'example/other'",
        ),
        (
            "version = \"2.1\"",
            "version = \"2.2\"",
            "use buildpack 'example-second': it is example/second@2.1, not version '2.2'",
        ),
        (
            "id = \"example/second\"",
            "id = \"example/third\"",
            "resolve order: no buildpack 'example/third' among example/first@1.0.0, example/second@2.1",
        ),
        (
            "oci:../base:build",
            "oci:../base:missing",
            "find build image 'oci:source/../base:missing': there is no such image",
        ),
        ("uri = \"../dist\"", "", "find a lifecycle: none is named"),
        (
            "[[run.images]]",
            "[[run.pictures]]",
            "unknown field `pictures`",
        ),
        ("[[order]]", "[[orders]]", "parse 'source/builder.toml'"),
        (
            "suffix = \"append\"",
            "suffix = \"apend\"",
            "unknown variant `apend`",
        ),
        (
            "image = \"oci:../base:build\"",
            "",
            "find the build image: 'source/builder.toml' has no [build] image",
        ),
    ];
    for (from, to, expected) in cases {
        let place = Place::with_builder_sources();
        let text = fs::read_to_string(place.path("source/builder.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        place.write("source/builder.toml", &text.replace(from, to));
        let error = place.wharf(&CREATE).failure(1);
        assert!(error.contains(expected), "{expected}\n{error}");
        assert!(!place.path("out").exists(), "{expected}");
    }
}

#[test]
fn refuses_base_images_and_buildpacks_that_cannot_work() {
    let place = Place::with_builder_sources();
    place.image("base", "build", &build_image().env("CNB_USER_ID", "cnb"));
    let error = place.wharf(&CREATE).failure(1);
    assert!(
        error.contains("its CNB_USER_ID is 'cnb', not a number"),
        "{error}"
    );

    let place = Place::with_builder_sources();
    place.write("source/example-first/bin/build", "");
    fs::remove_file(place.path("source/example-first/bin/build")).unwrap();
    let error = place.wharf(&CREATE).failure(1);
    assert!(
        error.contains("'source/example-first/bin/build' is not an executable file"),
        "{error}"
    );

    let place = Place::with_builder_sources();
    fs::remove_file(place.path("dist/lifecycle/restorer")).unwrap();
    let error = place.wharf(&CREATE).failure(1);
    assert!(
        error.contains("use lifecycle 'source/../dist': it has no 'lifecycle/restorer'"),
        "{error}"
    );
}
