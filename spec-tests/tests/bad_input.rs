//! Bad input: the spec's exit code, one error that says what and where, and nothing half-written.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]
use spec_tests::{fixture, image::Image, read, registry::Registry, stage::Stage};
use std::{fs, io::Read, os::unix::fs::PermissionsExt, process::Command};

const API: &str = "0.15";

/// A stage after analysis and detection, and the registry with the run image.
fn ready() -> (Registry, Stage) {
    let registry = Registry::start();
    registry.push(
        &fixture("golden/reference").join(API).join("run-before"),
        "golden/run:base",
    );
    let stage = Stage::sample(API, &registry.address());
    (registry, stage)
}

/// Runs the phases before `phase`, which must succeed.
fn before(stage: &Stage, image: &str, phase: &str) -> Vec<String> {
    for (name, args) in stage.phases(image) {
        if name == phase {
            return args;
        }
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        stage.phase(name, &words).expect_code(0);
    }
    Vec::new()
}

fn run(stage: &Stage, phase: &str, args: &[String], code: i32, words: &[&str]) -> String {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = stage.phase(phase, &args);
    outcome.expect_code(code).expect_words(words);
    let errors = outcome
        .output
        .lines()
        .filter(|line| line.contains("ERROR: "))
        .count();
    // Platforms look for the two lines the reference ends a detection without a group with.
    let expected = if outcome
        .output
        .contains("No buildpack groups passed detection.")
    {
        3
    } else {
        1
    };
    assert_eq!(errors, expected, "{}", outcome.output);
    outcome.output.clone()
}

/// Breaks one thing before `phase` and expects it to fail.
fn fails(phase: &str, code: i32, words: &[&str], damage: impl FnOnce(&mut Stage)) {
    let (registry, mut stage) = ready();
    let args = before(&stage, &registry.name("app/bad"), phase);
    damage(&mut stage);
    run(&stage, phase, &args, code, words);
}

fn no_image(registry: &Registry, name: &str) {
    let output = Command::new("skopeo")
        .args(["inspect", "--tls-verify=false", "--raw"])
        .arg(format!("docker://{}", registry.name(name)))
        .output()
        .expect("start skopeo");
    assert!(!output.status.success(), "{name} was written");
}

#[test]
fn an_unknown_platform_api_is_11() {
    fails("analyzer", 11, &["0.99", "0.7", "0.15"], |stage| {
        stage.set("CNB_PLATFORM_API", "0.99");
    });
    fails("analyzer", 11, &["nonsense"], |stage| {
        stage.set("CNB_PLATFORM_API", "nonsense");
    });
}

#[test]
fn an_unknown_buildpack_api_is_12() {
    fails("detector", 12, &["0.99", "example/first"], |stage| {
        let path = "cnb/buildpacks/example_first/1.2.3/buildpack.toml";
        let text = read(&stage.path(path)).replacen("0.12", "0.99", 1);
        stage.write(path, &text);
    });
}

#[test]
fn a_typo_in_a_number_is_never_root() {
    fails("exporter", 3, &["CNB_USER_ID", "1o00"], |stage| {
        stage.set("CNB_USER_ID", "1o00");
    });
}

#[test]
fn a_typo_in_a_boolean_is_never_false() {
    fails("restorer", 3, &["CNB_SKIP_LAYERS", "ture"], |stage| {
        stage.set("CNB_SKIP_LAYERS", "ture");
    });
}

#[test]
fn malformed_toml_names_file_line_and_column() {
    let cases = [
        ("detector", "cnb/order.toml", 22, "order.toml"),
        ("analyzer", "cnb/run.toml", 3, "run.toml"),
        ("detector", "layers/analyzed.toml", 22, "analyzed.toml"),
        ("restorer", "layers/group.toml", 42, "group.toml"),
        ("builder", "layers/plan.toml", 52, "plan.toml"),
        (
            "exporter",
            "layers/config/metadata.toml",
            62,
            "metadata.toml",
        ),
        (
            "exporter",
            "layers/project-metadata.toml",
            62,
            "project-metadata.toml",
        ),
        (
            "exporter",
            "layers/example_first/deps.toml",
            62,
            "deps.toml",
        ),
        (
            "detector",
            "cnb/buildpacks/example_first/1.2.3/buildpack.toml",
            22,
            "buildpack.toml",
        ),
    ];
    for (phase, file, code, name) in cases {
        let (registry, stage) = ready();
        let args = before(&stage, &registry.name("app/bad"), phase);
        stage.write(file, "api = \"0.12\"\n[[x\n");
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let outcome = stage.phase(phase, &words);
        outcome.expect_words(&[name, "line 2", "column"]);
        assert!(
            [code, 1].contains(&outcome.code),
            "{phase} with a malformed {file}: {}\n{}",
            outcome.code,
            outcome.output
        );
    }
}

#[test]
fn oversized_toml_is_refused_before_it_is_read() {
    for (phase, file) in [
        ("detector", "cnb/order.toml"),
        ("restorer", "layers/group.toml"),
        ("builder", "layers/plan.toml"),
    ] {
        let (registry, stage) = ready();
        let args = before(&stage, &registry.name("app/bad"), phase);
        let file_on_disk = fs::File::create(stage.path(file)).expect("create the file");
        file_on_disk
            .set_len(8 << 30)
            .expect("make it sparse and huge");
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let outcome = stage.phase(phase, &words);
        assert_ne!(outcome.code, 0, "{}", outcome.output);
        outcome.expect_words(&[file.rsplit('/').next().unwrap_or(file), "large"]);
    }
}

#[test]
fn missing_handoff_files_name_the_phase_that_writes_them() {
    fails("restorer", 1, &["group.toml", "detector"], |stage| {
        remove(stage, "layers/group.toml");
    });
    fails("builder", 1, &["plan.toml", "detector"], |stage| {
        remove(stage, "layers/plan.toml");
    });
    fails("exporter", 1, &["analyzed.toml", "analyzer"], |stage| {
        remove(stage, "layers/analyzed.toml");
    });
}

#[test]
fn a_missing_order_names_its_path() {
    fails("detector", 1, &["order.toml"], |stage| {
        remove(stage, "cnb/order.toml");
    });
}

#[test]
fn a_missing_app_directory_names_its_path() {
    let (registry, stage) = ready();
    let args = before(&stage, &registry.name("app/bad"), "detector");
    let args: Vec<String> = args
        .iter()
        .map(|arg| arg.replace("/workspace", "/workspace/none"))
        .collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = stage.phase("detector", &words);
    assert_ne!(outcome.code, 0);
    outcome.expect_words(&["/workspace/none"]);
}

#[test]
fn a_missing_buildpack_or_executable_names_its_path() {
    fails("detector", 22, &["example_first/1.2.3"], |stage| {
        fs::remove_dir_all(stage.path("cnb/buildpacks/example_first"))
            .expect("remove the buildpack");
    });
    fails("builder", 52, &["example_first/1.2.3/bin/build"], |stage| {
        remove(stage, "cnb/buildpacks/example_first/1.2.3/bin/build");
    });
}

#[test]
fn no_group_detected_gives_each_reason() {
    let (registry, stage) = ready();
    let args = before(&stage, &registry.name("app/bad"), "detector");
    stage.write(
        "cnb/buildpacks/example_first/1.2.3/bin/detect",
        "#!/bin/sh\necho 'no lang here 100%s'; exit 100\n",
    );
    run(
        &stage,
        "detector",
        &args,
        20,
        &[
            "fail: example/first@1.2.3",
            "no lang here 100%s",
            "No buildpack groups passed detection.",
        ],
    );
    stage.write(
        "cnb/buildpacks/example_first/1.2.3/bin/detect",
        "#!/bin/sh\necho broken; exit 7\n",
    );
    run(
        &stage,
        "detector",
        &args,
        21,
        &["err:  example/first@1.2.3 (7)", "broken"],
    );
    assert!(
        !stage.path("layers/group.toml").exists(),
        "a failed detection leaves no group"
    );
}

#[test]
fn a_failing_build_shows_the_buildpacks_own_words() {
    fails(
        "builder",
        51,
        &["cannot compile", "example/first@1.2.3", "status 9"],
        |stage| {
            stage.write(
                "cnb/buildpacks/example_first/1.2.3/bin/build",
                "#!/bin/sh\necho 'cannot compile' >&2; exit 9\n",
            );
        },
    );
}

#[test]
fn layers_that_are_links_or_pipes_are_refused() {
    fails("exporter", 62, &["deps"], |stage| {
        let layer = stage.path("layers/example_first/deps");
        fs::remove_dir_all(&layer).expect("remove the layer");
        stage.link("/etc", "layers/example_first/deps");
    });
}

#[test]
fn an_unreadable_file_in_a_layer_names_its_path() {
    fails(
        "exporter",
        62,
        &["/layers/example_first/deps/lib/"],
        |stage| {
            let file = stage.path("layers/example_first/deps/lib/lib.txt");
            fs::set_permissions(file, fs::Permissions::from_mode(0o000))
                .expect("take the read right away");
        },
    );
}

#[test]
fn duplicate_process_types_of_one_buildpack_are_refused() {
    fails(
        "builder",
        52,
        &["web", "example_second/launch.toml"],
        |stage| {
            let process = "[[processes]]\ntype = \"web\"\ncommand = [\"a\"]\n";
            let script = format!(
                "#!/bin/sh\nprintf '{process}{process}' >\"$CNB_LAYERS_DIR/launch.toml\"\n"
            );
            stage.write("cnb/buildpacks/example_second/0.0.1/bin/build", &script);
        },
    );
}

#[test]
fn slices_that_leave_the_app_are_refused() {
    fails("exporter", 62, &["../layers"], |stage| {
        let path = "layers/config/metadata.toml";
        let text = read(&stage.path(path)).replace("public/**", "../layers/*");
        stage.write(path, &text);
    });
}

#[test]
fn reserved_layer_names_are_refused() {
    fails("builder", 52, &["launch"], |stage| {
        stage.write(
            "cnb/buildpacks/example_first/1.2.3/bin/build",
            "#!/bin/sh\nmkdir \"$CNB_LAYERS_DIR/launch\"\n",
        );
    });
}

#[test]
fn an_unwritable_report_is_62() {
    let (registry, stage) = ready();
    let mut args = before(&stage, &registry.name("app/bad"), "exporter");
    args.insert(0, "-report=/proc/none/report.toml".into());
    run(&stage, "exporter", &args, 62, &["/proc/none/report.toml"]);
}

#[test]
fn an_unreachable_registry_names_its_address() {
    let (_registry, stage) = ready();
    let args = ["-layers=/layers".to_owned(), "127.0.0.1:9/app".to_owned()];
    let outcome = stage.phase("analyzer", &[&args[0], &args[1]]);
    assert_ne!(outcome.code, 0);
    outcome.expect_words(&["127.0.0.1:9"]);
    assert!(!stage.path("layers/analyzed.toml").exists());
}

#[test]
fn a_missing_run_image_names_it() {
    let (registry, stage) = ready();
    let run_image = registry.name("golden/none:1");
    let outcome = stage.phase(
        "analyzer",
        &[
            "-layers=/layers",
            "-run-image",
            &run_image,
            &registry.name("app/bad"),
        ],
    );
    assert_ne!(outcome.code, 0);
    outcome.expect_words(&[&run_image]);
}

#[test]
fn a_run_image_of_another_platform_names_both() {
    let (registry, stage) = ready();
    let dir = tempfile::TempDir::new().expect("make a temporary directory");
    let from = fixture("golden/reference").join(API).join("run-before");
    let manifest = read(&from.join("manifest.json"));
    let parsed: serde_json::Value = serde_json::from_str(&manifest).expect("parse the manifest");
    let digest = parsed["config"]["digest"].as_str().expect("a digest")[7..].to_owned();
    let config = read(&from.join(&digest)).replace("amd64", "s390x");
    let changed = spec_tests::image::digest(config.as_bytes())[7..].to_owned();
    for entry in fs::read_dir(&from).expect("list the image") {
        let path = entry.expect("read a directory entry").path();
        fs::copy(&path, dir.path().join(path.file_name().expect("a name"))).expect("copy a blob");
    }
    let size = format!("\"size\":{}", parsed["config"]["size"]);
    let manifest = manifest
        .replace(&digest, &changed)
        .replace(&size, &format!("\"size\":{}", config.len()));
    fs::write(dir.path().join("manifest.json"), manifest).expect("write the manifest");
    fs::write(dir.path().join(&changed), config).expect("write the config");
    registry.push(dir.path(), "golden/run:other");
    let outcome = stage.phase(
        "analyzer",
        &[
            "-run-image",
            &registry.name("golden/run:other"),
            &registry.name("app/bad"),
        ],
    );
    assert_ne!(outcome.code, 0, "{}", outcome.output);
    outcome.expect_words(&["s390x", "amd64"]);
}

#[test]
fn tags_on_two_registries_are_refused_before_anything_is_written() {
    let (registry, stage) = ready();
    let mut args = before(&stage, &registry.name("app/two"), "exporter");
    args.push("other.example/app:1".into());
    run(
        &stage,
        "exporter",
        &args,
        3,
        &["writing to multiple registries is unsupported"],
    );
    no_image(&registry, "app/two");
}

#[test]
fn a_daemon_is_refused_with_words() {
    let (registry, stage) = ready();
    stage
        .phase(
            "analyzer",
            &["-daemon", "-layers=/layers", &registry.name("app/bad")],
        )
        .expect_code(3)
        .expect_words(&["-daemon", "registry", "-layout"]);
}

#[test]
fn flags_follow_gos_grammar() {
    let (_registry, stage) = ready();
    stage
        .phase("detector", &["-no-such-flag"])
        .expect_code(2)
        .expect_words(&["-no-such-flag"]);
    stage.phase("detector", &["-h"]).expect_code(0);
    stage.phase("detector", &["-version"]).expect_code(0);
    stage.phase("detector", &["positional"]).expect_code(3);
    stage
        .phase(
            "analyzer",
            &[
                "--layers",
                "/layers",
                "-run-image=",
                "-cache-image=",
                "-tag=",
                "Not A Reference",
            ],
        )
        .expect_code(3);
}

#[test]
fn a_full_disk_leaves_no_image_and_no_files() {
    let (registry, mut stage) = ready();
    let args = before(&stage, &registry.name("app/full"), "exporter");
    // One layer that does not fit into the small temporary directory even when compressed.
    let mut noise = vec![0; 6 << 20];
    let mut random = fs::File::open("/dev/urandom").expect("open the random device");
    random.read_exact(&mut noise).expect("read noise");
    fs::write(stage.path("layers/example_first/only-launch/noise"), noise)
        .expect("write the noise");
    stage.set("TMPDIR", "/small");
    let mut bwrap = stage.bwrap_with(&["--size", "1048576", "--tmpfs", "/small"]);
    let output = bwrap
        .arg("/cnb/lifecycle/exporter")
        .args(&args)
        .output()
        .expect("start bwrap");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(62), "{text}");
    assert!(
        text.contains("/small") || text.contains("No space left"),
        "{text}"
    );
    no_image(&registry, "app/full");
}

#[test]
fn a_repaired_build_goes_on_after_a_failure() {
    let (registry, stage) = ready();
    let image = registry.name("app/repaired");
    let args = before(&stage, &image, "builder");
    let path = "cnb/buildpacks/example_first/1.2.3/bin/build";
    let good = read(&stage.path(path));
    stage.write(path, "#!/bin/sh\nexit 1\n");
    run(&stage, "builder", &args, 51, &["example/first"]);
    stage.write(path, &good);
    stage.build(&image);
    Image::pull(&format!("docker://{image}"));
}

fn remove(stage: &Stage, inside: &str) {
    fs::remove_file(stage.path(inside)).expect("remove a file");
}
