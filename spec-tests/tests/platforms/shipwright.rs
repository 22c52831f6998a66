//! Shipwright's `buildpacks-v3`: all phases in one container whose user is neither root nor the build image's.
use crate::pod::{Base, Container, Pod, User, assert_readable};
use spec_tests::{image::Image, read};

/// The whole environment goes to the buildpacks; layers and cache live in the container's temporary directory.
const SCRIPT: &str = r#"set -eu
env | while IFS='=' read -r key value rest; do
    case $key in PATH|HOSTNAME|PWD|_|SHLVL|HOME) ;; *) printf %s "$value" > "/platform/env/$key" ;; esac
done
LAYERS_DIR=/tmp/.shp/layers
CACHE_DIR=/tmp/.shp/cache
mkdir -p "$CACHE_DIR" "$LAYERS_DIR"
/cnb/lifecycle/analyzer -layers="$LAYERS_DIR" "${PARAM_OUTPUT_IMAGE}"
/cnb/lifecycle/detector -app="${PARAM_SOURCE_CONTEXT}" -layers="$LAYERS_DIR"
/cnb/lifecycle/restorer -cache-dir="$CACHE_DIR" -layers="$LAYERS_DIR"
/cnb/lifecycle/builder -app="${PARAM_SOURCE_CONTEXT}" -layers="$LAYERS_DIR"
set -- -layers="$LAYERS_DIR" -report=/tmp/report.toml -cache-dir="$CACHE_DIR" -app="${PARAM_SOURCE_CONTEXT}"
grep -q "buildpack-default-process-type" "$LAYERS_DIR/config/metadata.toml" || set -- "$@" -process-type web
/cnb/lifecycle/exporter "$@" "${PARAM_OUTPUT_IMAGE}"
printf '%s\n' "$@" > /tekton/results/flags
grep digest /tmp/report.toml | tail -n 1 | tr -d ' \"\n' | sed s/digest=// > /tekton/results/digest
"#;

/// Runs the strategy; gives the image and the last flags of its exporter.
fn build(pod: &Pod) -> (Image, String) {
    pod.open("results");
    pod.write_docker_config("home/.docker");
    let container = Container {
        base: Base::Builder,
        user: User::Ids(1001, 1000),
        env: &[
            ("CNB_PLATFORM_API", "0.13"),
            (
                "CNB_INSECURE_REGISTRIES",
                "registry.example:5000,{registry},",
            ),
            ("CNB_TARGET_OS", "linux"),
            ("PARAM_SOURCE_CONTEXT", "/workspace/source"),
            ("PARAM_OUTPUT_IMAGE", "{registry}/app/shipwright"),
        ],
        mounts: &[
            ("workspace", "/workspace/source"),
            ("platform", "/platform"),
            ("home", "/home/cnb"),
            ("results", "/tekton/results"),
        ],
    };
    pod.script(&container, SCRIPT);
    let image = pod.pull("app/shipwright");
    assert_eq!(read(&pod.path("results/digest")), image.digest);
    (image, read(&pod.path("results/flags")))
}

#[test]
fn a_default_process_of_the_buildpacks_is_left_alone() {
    let pod = Pod::new("0.13");
    let (image, flags) = build(&pod);
    assert!(!flags.contains("-process-type"), "{flags}");
    assert_readable(&pod, &image, "web");
}

#[test]
fn without_a_default_process_the_strategy_asks_for_web() {
    let pod = Pod::new("0.13");
    let script = pod.path("cnb/buildpacks/example_second/0.0.1/bin/build");
    let text = read(&script).replace("default = true", "default = false");
    pod.write("cnb/buildpacks/example_second/0.0.1/bin/build", &text);
    let (image, flags) = build(&pod);
    assert!(flags.ends_with("-process-type\nweb\n"), "{flags}");
    assert_readable(&pod, &image, "web");
}
