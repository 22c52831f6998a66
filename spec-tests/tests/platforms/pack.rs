//! `pack build --publish` and `--layout`: flags in separate words, registry steps as root with `CNB_REGISTRY_AUTH`.
use crate::pod::{Base, CNB, Container, GREP_DIGEST, Pod, User, assert_readable};
use spec_tests::{image::Image, read, toml_of};
use std::{fs, os::unix::fs::PermissionsExt};

const AUTH: (&str, &str) = ("CNB_REGISTRY_AUTH", "{registry-auth}");
const IDS: [(&str, &str); 2] = [("CNB_USER_ID", "1000"), ("CNB_GROUP_ID", "1000")];
const VOLUMES: [(&str, &str); 3] = [
    ("layers", "/layers"),
    ("workspace", "/workspace"),
    ("cache", "/cache"),
];

/// Docker's volumes belong to root; the app is copied in as the build image's user.
fn pod(api: &str) -> Pod {
    let pod = Pod::new(api);
    for volume in ["layers", "cache"] {
        let closed = fs::Permissions::from_mode(0o755);
        fs::set_permissions(pod.path(volume), closed).expect("close a volume");
    }
    for file in ["stack.toml", "run.toml"] {
        let text = read(&pod.path("cnb").join(file));
        pod.write(&format!("layers/{file}"), &text);
    }
    pod.step(&copy(&VOLUMES), "chown -R 1000:1000 /workspace");
    pod
}

/// The container that copies files from the user's machine into volumes.
fn copy<'a>(mounts: &'a [(&'a str, &'a str)]) -> Container<'a> {
    Container {
        base: Base::Builder,
        user: User::Root,
        env: &[],
        mounts,
    }
}

#[test]
fn a_trusted_builder_runs_one_creator_as_root() {
    let pod = pod("0.15");
    let container = Container {
        base: Base::Builder,
        user: User::Root,
        env: &[
            ("CNB_PLATFORM_API", "0.15"),
            ("CNB_EXEC_ENV", "production"),
            ("SOURCE_DATE_EPOCH", "1700000000"),
            AUTH,
        ],
        mounts: &[
            VOLUMES[0],
            VOLUMES[1],
            VOLUMES[2],
            ("platform", "/platform"),
        ],
    };
    let command = "/cnb/lifecycle/creator -log-level debug -app /workspace -cache-dir /cache
        -run-image {registry}/golden/run:base -tag {registry}/app/pack:v1 -tag {registry}/app/other:v1
        -gid 1000 -uid 1000 -insecure-registry {registry} -insecure-registry registry.example:5000
        -previous-image {registry}/app/pack:before -process-type worker {registry}/app/pack:latest";
    pod.step(&container, command);
    let image = pod.pull("app/pack:latest");
    assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
    assert_readable(&pod, &image, "worker");
    assert_eq!(image.config["created"], "2023-11-14T22:13:20Z");
    for tag in ["app/pack:v1", "app/other:v1"] {
        assert_eq!(pod.pull(tag).digest, image.digest, "{tag}");
    }
    let report = toml_of(&pod.path("layers/report.toml"));
    let tags = [":latest", ":v1"].map(|tag| pod.registry.name(&format!("app/pack{tag}")));
    assert_eq!(report["image"]["tags"][0].as_str(), Some(tags[0].as_str()));
    assert_eq!(report["image"]["tags"][1].as_str(), Some(tags[1].as_str()));
    assert!(
        pod.path("layers/sbom/launch").is_dir(),
        "pack copies it out"
    );

    pod.end_build();
    let again = command.replacen("-log-level debug", "-skip-restore", 1);
    pod.step(&container, &again);
    assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
}

/// The kernel changes the user of a thread, not of a process.
#[test]
fn no_thread_of_the_lifecycle_stays_root() {
    let pod = pod("0.15");
    for program in ["detect", "build"] {
        let path = format!("cnb/buildpacks/example_first/1.2.3/bin/{program}");
        let look =
            format!("#!/bin/sh\ncat /proc/$PPID/task/*/status > /layers/{program}-threads\n");
        let script = read(&pod.path(&path)).replacen("#!/bin/sh\n", &look, 1);
        pod.write(&path, &script);
    }
    let container = Container {
        base: Base::Builder,
        user: User::Root,
        env: &[("CNB_PLATFORM_API", "0.15"), AUTH],
        mounts: &[
            VOLUMES[0],
            VOLUMES[1],
            VOLUMES[2],
            ("platform", "/platform"),
        ],
    };
    let command = "/cnb/lifecycle/creator -app /workspace -cache-dir /cache -uid 1000 -gid 1000
        {registry}/app/threads";
    pod.step(&container, command);
    for program in ["detect", "build"] {
        let status = read(&pod.path(&format!("layers/{program}-threads")));
        for kind in ["Uid:", "Gid:"] {
            let lines: Vec<&str> = status
                .lines()
                .filter(|line| line.starts_with(kind))
                .collect();
            assert!(!lines.is_empty(), "{status}");
            for line in lines {
                assert_eq!(line, format!("{kind}\t1000\t1000\t1000\t1000"), "{program}");
            }
        }
    }
}

/// Runs the five phases as for a builder that is not trusted, and gives the digest.
fn phases(pod: &Pod, api: &str, metadata: &str, (more, skip): (&str, &str)) -> String {
    let version = ("CNB_PLATFORM_API", api);
    let registry = Container {
        base: Base::Lifecycle,
        user: User::Root,
        env: &[version, IDS[0], IDS[1], AUTH],
        mounts: &VOLUMES,
    };
    let restore = Container {
        env: &[version, IDS[0], IDS[1]],
        ..registry
    };
    let buildpacks = Container {
        base: Base::Builder,
        user: CNB,
        env: &[version],
        mounts: &[VOLUMES[0], VOLUMES[1], ("platform", "/platform")],
    };
    pod.step(
        &registry,
        &format!(
            "/cnb/lifecycle/analyzer -gid 1000 -uid 1000 {more} -log-level debug {metadata}
            -run-image {{registry}}/golden/run:base -tag {{registry}}/app/phases:v1
            -previous-image {{registry}}/app/phases:latest {skip} {{registry}}/app/phases:latest"
        ),
    );
    pod.step(
        &buildpacks,
        "/cnb/lifecycle/detector -app /workspace -log-level debug",
    );
    pod.step(
        &restore,
        &format!(
            "/cnb/lifecycle/restorer {skip} -cache-dir /cache -gid 1000 -uid 1000 {more} -log-level debug"
        ),
    );
    pod.step(
        &buildpacks,
        "/cnb/lifecycle/builder -app /workspace -log-level debug",
    );
    pod.step(
        &registry,
        &format!(
            "/cnb/lifecycle/exporter -log-level debug -app /workspace -cache-dir /cache {metadata}
            -gid 1000 -uid 1000 {more} {{registry}}/app/phases:latest {{registry}}/app/phases:v1"
        ),
    );
    let digest = pod.digest_by(GREP_DIGEST);
    pod.end_build();
    digest
}

#[test]
fn an_untrusted_builder_runs_five_containers() {
    let pod = pod("0.15");
    let metadata = "-run /layers/run.toml";
    let insecure = "-insecure-registry {registry}";
    let first = phases(&pod, "0.15", metadata, (insecure, ""));
    let image = pod.pull("app/phases:latest");
    assert_eq!(first, image.digest);
    assert_readable(&pod, &image, "web");
    assert_eq!(pod.pull("app/phases:v1").digest, image.digest);
    let again = phases(&pod, "0.15", metadata, (insecure, ""));
    assert_eq!(again, image.digest, "rebuilt with cache and previous image");
    let cleared = phases(&pod, "0.15", metadata, (insecure, "-skip-layers"));
    assert_eq!(cleared, image.digest, "rebuilt with --clear-cache");
}

#[test]
fn older_builders_get_a_stack_file() {
    for api in ["0.9", "0.10", "0.11"] {
        let pod = pod(api);
        let digest = phases(&pod, api, "-stack /layers/stack.toml", ("", ""));
        let image = pod.pull("app/phases:latest");
        assert_eq!(digest, image.digest, "{api}");
        assert_readable(&pod, &image, "web");
    }
}

#[test]
fn a_layout_is_written_where_pack_mounts_it() {
    let pod = pod("0.12");
    pod.open("layout-repo");
    let name = "layout-repo/registry.example/golden/run/base";
    fs::create_dir_all(pod.path(name)).expect("make the layout's parents");
    pod.copy_to_layout("golden/run:base", name);
    pod.step(
        &copy(&[("layout-repo", "/layout-repo")]),
        "chown -R 1000:1000 /layout-repo",
    );
    let container = Container {
        base: Base::Builder,
        user: User::Root,
        env: &[
            ("CNB_PLATFORM_API", "0.12"),
            ("CNB_USE_LAYOUT", "true"),
            ("CNB_LAYOUT_DIR", "/layout-repo"),
            ("CNB_EXPERIMENTAL_MODE", "warn"),
            AUTH,
        ],
        mounts: &[
            VOLUMES[0],
            VOLUMES[1],
            VOLUMES[2],
            ("layout-repo", "/layout-repo"),
        ],
    };
    pod.step(
        &container,
        "/cnb/lifecycle/creator -app /workspace -cache-dir /cache
        -run-image registry.example/golden/run:base -gid 1000 -uid 1000 registry.example/app/laid:out",
    );
    let image = Image::layout(&pod.path("layout-repo/registry.example/app/laid/out"));
    assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
}

#[test]
fn the_flow_with_a_daemon_is_refused_by_every_phase_that_is_told_of_it() {
    let pod = pod("0.15");
    let refused = |api, phase: &str, words: &str| {
        let container = Container {
            base: Base::Builder,
            user: User::Root,
            env: &[("CNB_PLATFORM_API", api)],
            mounts: &VOLUMES,
        };
        pod.run(&container, &format!("/cnb/lifecycle/{phase} {words}"))
            .expect_code(3)
            .expect_words(&["-daemon", "registry", "-layout"]);
    };
    for api in ["0.9", "0.15"] {
        let app = "-app /workspace -cache-dir /cache";
        let cache = "-launch-cache /launch-cache";
        let image = "{registry}/app/daemon";
        refused(
            api,
            "creator",
            &format!("-daemon {cache} {app} -run-image {{registry}}/golden/run:base {image}"),
        );
        refused(
            api,
            "analyzer",
            &format!("-daemon -run-image {{registry}}/golden/run:base {cache} {image}"),
        );
        refused(api, "exporter", &format!("-daemon {cache} {app} {image}"));
    }
    refused("0.15", "restorer", "-daemon -cache-dir /cache");
    let left = fs::read_dir(pod.path("layers")).expect("list the layers directory");
    let mut left: Vec<_> = left
        .map(|entry| entry.expect("read an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["project-metadata.toml", "run.toml", "stack.toml"]);
}
