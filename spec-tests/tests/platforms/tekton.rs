//! Tekton's catalog: `buildpacks` 0.6, `buildpacks-phases` 0.3 and 0.2. Parameters nobody sets come as empty values.
use crate::pod::{Base, CNB, Container, GREP_DIGEST, Pod, User, assert_readable};
use spec_tests::{stage::Outcome, toml_of};

const LAYERS: (&str, &str) = ("layers", "/layers");
const SOURCE: (&str, &str) = ("workspace", "/workspace/source");
const PLATFORM: (&str, &str) = ("platform", "/platform");

/// The step that hands volumes over and writes the variables of the build.
fn prepare(pod: &Pod) {
    pod.open("home");
    let container = Container {
        base: Base::Builder,
        user: User::Root,
        env: &[],
        mounts: &[
            LAYERS,
            SOURCE,
            PLATFORM,
            ("home", "/tekton/home"),
            ("cache", "/workspace/cache"),
        ],
    };
    pod.script(
        &container,
        "chown -R 1000:1000 /workspace/cache /tekton/home /layers /workspace/source
        chmod 775 /workspace/source
        printf %s value > /platform/env/SOME_VARIABLE",
    );
}

#[test]
fn the_creator_task_with_cache_and_credentials_in_workspaces() {
    let pod = Pod::new("0.9");
    prepare(&pod);
    pod.write_docker_config("dockerconfig");
    creator(
        &pod,
        "/workspace/dockerconfig",
        "/workspace/cache",
        ("", "false"),
    );
    let image = pod.pull("app/tekton:latest");
    assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
    assert_readable(&pod, &image, "web");
    pod.end_build();
    creator(
        &pod,
        "/workspace/dockerconfig",
        "/workspace/cache",
        ("{registry}/golden/run:base", "true"),
    );
    assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
}

#[test]
fn the_creator_task_with_workspaces_that_are_not_bound() {
    let pod = Pod::new("0.9");
    prepare(&pod);
    pod.write_docker_config("home/.docker");
    creator(&pod, "", "", ("", "false")).expect_words(&["no cache"]);
    let image = pod.pull("app/tekton:latest");
    assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
}

fn creator(
    pod: &Pod,
    docker_config: &str,
    cache: &str,
    (run_image, skip): (&str, &str),
) -> Outcome {
    pod.open("dockerconfig");
    let container = Container {
        base: Base::Builder,
        user: CNB,
        env: &[
            ("CNB_PLATFORM_API", "0.9"),
            ("DOCKER_CONFIG", docker_config),
        ],
        mounts: &[
            LAYERS,
            SOURCE,
            PLATFORM,
            ("home", "/home/cnb"),
            ("cache", "/workspace/cache"),
            ("dockerconfig", "/workspace/dockerconfig"),
        ],
    };
    pod.step(
        &container,
        &format!(
            "/cnb/lifecycle/creator -app=/workspace/source/ -cache-dir={cache} -cache-image= -uid=1000 -gid=1000
            -layers=/layers -platform=/platform -report=/layers/report.toml -process-type=web
            -skip-restore={skip} -previous-image={{registry}}/app/tekton:latest -run-image={run_image}
            {{registry}}/app/tekton:latest"
        ),
    )
}

/// Reads of the report what the last step's Python reads.
fn toml_digest(pod: &Pod) -> String {
    let report = toml_of(&pod.path("layers/report.toml"));
    report["image"]["digest"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn the_phases_task_of_today() {
    let pod = Pod::new("0.13");
    prepare(&pod);
    pod.write_docker_config("home/.docker");
    phases(&pod, "", "");
    let image = pod.pull("app/phases:latest");
    assert_eq!(toml_digest(&pod), image.digest);
    assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
    assert_readable(&pod, &image, "web");
    pod.end_build();
    phases(
        &pod,
        "{registry}/app/tekton-cache:latest",
        "{registry}/app/phases:v1",
    );
    assert_eq!(toml_digest(&pod), image.digest);
}

const PHASES_ENV: [(&str, &str); 3] = [
    ("CNB_EXPERIMENTAL_MODE", "silent"),
    ("HOME", "/tekton/home"),
    ("CNB_PLATFORM_API", "0.13"),
];
const PHASES_MOUNTS: [(&str, &str); 5] = [
    LAYERS,
    SOURCE,
    PLATFORM,
    ("home", "/tekton/home"),
    ("cache", "/workspace/cache"),
];

fn phases(pod: &Pod, cache_image: &str, tag: &str) {
    let step = Container {
        base: Base::Builder,
        user: CNB,
        env: &PHASES_ENV,
        mounts: &PHASES_MOUNTS,
    };
    pod.step(
        &step,
        &format!(
            "/cnb/lifecycle/analyzer -log-level=info -layers=/layers -run-image= -cache-image={cache_image}
            -uid=1000 -gid=1000 -insecure-registry= -tag={tag} -skip-layers=false {{registry}}/app/phases:latest"
        ),
    );
    pod.step(
        &step,
        "/cnb/lifecycle/detector -log-level=info -app=/workspace/source/ -group=/layers/group.toml
        -plan=/layers/plan.toml -layers=/layers -platform=/platform",
    );
    restore(pod, cache_image);
    pod.step(
        &step,
        "/cnb/lifecycle/builder -log-level=info -app=/workspace/source/ -layers=/layers
        -group=/layers/group.toml -plan=/layers/plan.toml -platform=/platform",
    );
    pod.step(
        &step,
        &format!(
            "/cnb/lifecycle/exporter -log-level=info -app=/workspace/source/ -layers=/layers
            -group=/layers/group.toml -cache-dir=/workspace/cache -cache-image={cache_image}
            -report=/layers/report.toml -process-type=web -uid=1000 -gid=1000 -insecure-registry=
            {{registry}}/app/phases:latest"
        ),
    );
}

/// Its script names a variable of the layers directory that nobody sets.
fn restore(pod: &Pod, cache_image: &str) {
    let more = [
        ("CNB_LOG_LEVEL", "info"),
        ("CNB_BUILD_IMAGE", ""),
        ("CNB_BUILDER_IMAGE", "{registry}/builders/example:1"),
        ("CNB_CACHE_IMAGE", cache_image),
        ("CNB_INSECURE_REGISTRIES", ""),
        ("CNB_SKIP_LAYERS", "false"),
    ];
    let container = Container {
        base: Base::Builder,
        user: CNB,
        env: &[PHASES_ENV.as_slice(), &more].concat(),
        mounts: &PHASES_MOUNTS,
    };
    pod.script(
        &container,
        "export BUILD_IMAGE=${CNB_BUILD_IMAGE:-${CNB_BUILDER_IMAGE}}
        /cnb/lifecycle/restorer -log-level=${CNB_LOG_LEVEL} -build-image=${BUILD_IMAGE} \
          -group=/layers/group.toml -layers=${CNB_LAYERS_DIR} -cache-dir=/workspace/cache \
          -cache-image=${CNB_CACHE_IMAGE} -uid=1000 -gid=1000 \
          -insecure-registry=${CNB_INSECURE_REGISTRIES} -skip-layers=${CNB_SKIP_LAYERS}",
    );
}

#[test]
fn the_phases_task_of_platform_api_0_4_is_told_which_there_are() {
    let pod = Pod::new("0.9");
    let container = Container {
        base: Base::Builder,
        user: CNB,
        env: &[("CNB_PLATFORM_API", "0.4"), ("HOME", "/tekton/home")],
        mounts: &[LAYERS, SOURCE],
    };
    pod.run(
        &container,
        "/cnb/lifecycle/detector -app=/workspace/source/ -group=/layers/group.toml -plan=/layers/plan.toml",
    )
    .expect_code(11)
    .expect_words(&["0.4", "0.7", "0.15"]);
}
