//! A job in a builder image, as GitLab or a script runs it: variables instead of flags, or nothing at all.
use crate::pod::{Base, CNB, Container, GREP_DIGEST, Pod, assert_readable};
use spec_tests::lifecycle_dir;

const VOLUMES: [(&str, &str); 5] = [
    ("layers", "/layers"),
    ("workspace", "/builds/group/app"),
    ("platform", "/platform"),
    ("cache", "/cache"),
    ("elsewhere", "/elsewhere"),
];

#[test]
fn every_name_is_there() {
    for name in [
        "analyzer", "detector", "restorer", "builder", "exporter", "creator", "extender",
        "rebaser", "launcher",
    ] {
        assert!(lifecycle_dir().join(name).is_file(), "{name}");
    }
}

#[test]
fn variables_alone_configure_creator_and_phases_alike() {
    let pod = Pod::new("0.15");
    pod.open("elsewhere");
    let mut digests = Vec::new();
    for commands in [
        &["creator {registry}/app/job"][..],
        &[
            "analyzer {registry}/app/job",
            "detector",
            "restorer",
            "builder",
            "exporter {registry}/app/job",
        ],
    ] {
        let container = Container {
            base: Base::Builder,
            user: CNB,
            env: &[
                ("CNB_PLATFORM_API", "0.15"),
                ("CNB_REGISTRY_AUTH", "{registry-auth}"),
                ("CNB_APP_DIR", "/builds/group/app"),
                ("CNB_LAYERS_DIR", "/layers"),
                ("CNB_CACHE_DIR", "/cache"),
                ("CNB_GROUP_PATH", "/elsewhere/group.toml"),
                ("CNB_PLAN_PATH", "/elsewhere/plan.toml"),
                ("CNB_ANALYZED_PATH", "/elsewhere/analyzed.toml"),
                ("CNB_REPORT_PATH", "/layers/report.toml"),
                ("CNB_PROJECT_METADATA_PATH", "/layers/project-metadata.toml"),
                ("CNB_RUN_IMAGE", "{registry}/golden/run:base"),
                ("CNB_PROCESS_TYPE", "worker"),
                ("CNB_LOG_LEVEL", "debug"),
                ("CNB_NO_COLOR", "true"),
                ("CNB_SKIP_LAYERS", "false"),
                ("CNB_PREVIOUS_IMAGE", ""),
                ("CNB_CACHE_IMAGE", ""),
                ("CNB_INSECURE_REGISTRIES", "{registry},"),
            ],
            mounts: &VOLUMES,
        };
        for command in commands {
            let outcome = pod.step(&container, &format!("/cnb/lifecycle/{command}"));
            assert!(!outcome.output.contains('\u{1b}'), "{}", outcome.output);
        }
        let image = pod.pull("app/job");
        assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
        assert_readable(&pod, &image, "worker");
        let project = image.json_label("io.buildpacks.project.metadata");
        assert_eq!(project["source"]["version"]["commit"], "0123abc");
        digests.push(image.digest);
        pod.end_build();
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_platform_that_names_no_api_gets_the_oldest_and_a_warning() {
    let pod = Pod::new("0.7");
    let container = Container {
        base: Base::Builder,
        user: CNB,
        env: &[("CNB_REGISTRY_AUTH", "{registry-auth}")],
        mounts: &[
            VOLUMES[0],
            ("workspace", "/workspace"),
            VOLUMES[2],
            VOLUMES[3],
        ],
    };
    pod.step(&container, "/cnb/lifecycle/creator {registry}/app/none")
        .expect_words(&["CNB_PLATFORM_API", "0.7"]);
    let image = pod.pull("app/none");
    assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
    assert_readable(&pod, &image, "web");
}
