//! `wharf build`, whole: a builder of a few programs, buildpacks in sh, an image in a directory.
use crate::place::{Place, base, build_image};
use std::{fs, path::PathBuf};

/// Debian's busybox-static: a shell and its tools in one file that needs no library.
fn busybox() -> Vec<u8> {
    let places = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from);
    let found = places.iter().find(|path| path.is_file());
    fs::read(found.expect("busybox-static is installed")).unwrap()
}

const DETECT: &str = "#!/bin/sh\necho detecting; test -f app.txt || exit 100\n";
/// Makes a launch layer, a cached layer that remembers how often it was built, and a process.
const BUILD: &str = r#"#!/bin/sh
set -e
layers=$1
echo "user $(id -u):$(id -g) in $(pwd), GREETING=$GREETING, auth=${CNB_REGISTRY_AUTH:-none}"
mkdir -p "$layers/launched/bin" "$layers/kept"
cp app.txt "$layers/launched/bin/copy"
printf '[types]\nlaunch = true\n' > "$layers/launched.toml"
echo x >> "$layers/kept/runs"
echo "runs: $(wc -l < "$layers/kept/runs")"
printf '[types]\ncache = true\n' > "$layers/kept.toml"
printf '[[processes]]\ntype = "web"\ncommand = ["cat", "app.txt"]\ndefault = true\n' > "$layers/launch.toml"
touch /etc/left-behind || true
"#;

/// Sources of a builder with a shell, the builder made of them, a run image and an app.
pub(crate) fn place_to_build() -> Place {
    let place = Place::with_builder_sources();
    let busybox = busybox();
    let build = build_image().layer(&[
        ("bin/busybox", &busybox, 0o755),
        ("bin/sh", b"busybox", 0o120_777),
        ("bin/cp", b"busybox", 0o120_777),
        ("bin/id", b"busybox", 0o120_777),
        ("bin/cat", b"busybox", 0o120_777),
        ("bin/sleep", b"busybox", 0o120_777),
        ("bin/mkdir", b"busybox", 0o120_777),
        ("bin/touch", b"busybox", 0o120_777),
        ("bin/wc", b"busybox", 0o120_777),
    ]);
    place.image("base", "build", &build);
    let run = base()
        .layer(&[("etc/os-release", b"ID=tiny", 0o644)])
        .label("io.buildpacks.base.distro.name", "tiny");
    place.image("base", "run", &run);
    place.program("source/example-first/bin/detect", DETECT);
    place.program("source/example-first/bin/build", BUILD);
    place.program("source/example-second/bin/detect", "#!/bin/sh\nexit 100\n");
    place.wharf(&CREATE_BUILDER).success();
    place.write("app/app.txt", "first version");
    place
}

pub(crate) const CREATE_BUILDER: [&str; 5] = [
    "builder",
    "create",
    "source/builder.toml",
    "--output",
    "oci:builder",
];

pub(crate) const BUILD_COMMAND: [&str; 8] = [
    "build",
    "app",
    "--builder",
    "oci:builder",
    "--run-image",
    "oci:base:run",
    "--output",
    "oci:out:v1",
];

#[test]
fn turns_source_into_an_image_with_its_layers_and_process() {
    let place = place_to_build();
    let mut arguments = BUILD_COMMAND.to_vec();
    arguments.extend(["--env", "GREETING=good day"]);
    let out = place.wharf(&arguments).success();
    // The operator's variable is appended to the user's.
    let line = "user 1234:2345 in /workspace, GREETING=good day hello, auth=none";
    assert!(out.contains(line), "{out}");
    let image = place.read("out", "v1");
    assert!(
        out.contains(&format!("Digest     {}", image.digest())),
        "{out}"
    );
    let files = place.archive("out", &image);
    let content = |path: &str| {
        let found = files
            .iter()
            .find(|(line, _)| line.starts_with(&format!("{path} ")));
        found.map(|(line, content)| (line.as_str(), content.as_str()))
    };
    assert_eq!(
        content("/workspace/app.txt"),
        Some(("/workspace/app.txt 644 1234:2345", "first version"))
    );
    assert_eq!(
        content("/layers/example_first/launched/bin/copy").map(|(_, content)| content),
        Some("first version")
    );
    assert_eq!(content("/layers/example_first/kept/runs"), None);
    assert_eq!(
        wharf_image::validate::validate(&image),
        Vec::<String>::new()
    );
    let inspected = place.wharf(&["inspect", "oci:out:v1"]).success();
    assert!(
        inspected.contains("Process     web (default): cat app.txt"),
        "{inspected}"
    );
    assert!(!place.path("app/project.toml").exists());
}

#[test]
fn buildpacks_see_the_volumes_they_are_given() {
    let place = place_to_build();
    place.write("shared/word", "from outside");
    let build = "#!/bin/sh\necho \"word: $(cat /shared/word)\"; touch /shared/x 2>/dev/null || echo read-only\n";
    place.program("source/example-first/bin/build", build);
    place.wharf(&CREATE_BUILDER).success();
    let out = place
        .wharf(&[&BUILD_COMMAND[..], &["--volume", "shared:/shared"]].concat())
        .success();
    assert!(out.contains("word: from outside\nread-only\n"), "{out}");
    let error = place
        .wharf(&[&BUILD_COMMAND[..], &["--volume", "missing:/shared"]].concat())
        .failure(1);
    assert!(
        error.contains("bind into sandbox 'missing': No such file"),
        "{error}"
    );
}

#[test]
fn a_second_build_reuses_layers_and_cache_and_changes_no_byte() {
    let place = place_to_build();
    place.wharf(&BUILD_COMMAND).success();
    let first = place.read("out", "v1").digest();
    let out = place.wharf(&BUILD_COMMAND).success();
    assert!(out.contains("runs: 2"), "{out}");
    assert!(out.contains("Added      0 layers, 0 B"), "{out}");
    assert_eq!(place.read("out", "v1").digest(), first);
    place.write("app/app.txt", "second version");
    let out = place
        .wharf(&[&BUILD_COMMAND[..], &["--clear-cache"]].concat())
        .success();
    assert!(out.contains("runs: 1"), "{out}");
    assert_ne!(place.read("out", "v1").digest(), first);
}

#[test]
fn the_source_stays_as_it_is_and_nothing_is_left_but_caches() {
    let place = place_to_build();
    place.program(
        "source/example-first/bin/detect",
        "#!/bin/sh\ntouch touched\n",
    );
    place.wharf(&CREATE_BUILDER).success();
    place.wharf(&BUILD_COMMAND).success();
    let names: Vec<_> = fs::read_dir(place.path("app")).unwrap().collect();
    assert_eq!(names.len(), 1);
    let builds = fs::read_dir(place.path(".cache/wharf/builds")).unwrap();
    assert_eq!(builds.count(), 0);
}

#[test]
fn a_phase_that_fails_ends_the_build_with_its_status() {
    let place = place_to_build();
    fs::remove_file(place.path("app/app.txt")).unwrap();
    let error = place.wharf(&BUILD_COMMAND).failure(20);
    assert!(
        error.ends_with("error: failed to build: detector ended with status 20\n"),
        "{error}"
    );
    assert!(!place.path("out").exists());

    let place = place_to_build();
    place.program(
        "source/example-first/bin/build",
        "#!/bin/sh\necho broken >&2\nexit 3\n",
    );
    place.wharf(&CREATE_BUILDER).success();
    let run = place.wharf(&BUILD_COMMAND);
    let said = format!("{}{}", run.out, run.err);
    assert!(said.contains("broken\n"), "{said}");
    run.failure(51);
    assert!(!place.path("out").exists());
}

#[test]
fn a_builder_that_the_policy_does_not_allow_runs_nothing() {
    let place = place_to_build();
    place.write("policy.toml", "[[builders]]\nname = \"oci:approved*\"\n");
    let mut arguments = BUILD_COMMAND.to_vec();
    arguments.extend(["--policy", "policy.toml"]);
    let refused = place.wharf(&arguments).failure(1);
    let words = "failed to use the builder oci:builder:latest with digest sha256:";
    assert!(refused.contains(words), "{refused}");
    assert!(
        refused.contains("'policy.toml' says which builders may be used"),
        "{refused}"
    );
    assert!(!place.path("out").exists());
    place.write("policy.toml", "[[builders]]\nname = \"oci:builder:*\"\n");
    place.wharf(&arguments).success();
}
