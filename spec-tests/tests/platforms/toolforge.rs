//! Toolforge's task: detect before analyze under Platform API 0.9, registry steps as root with five capabilities, modes
//! changed between build and export.
use crate::pod::{Base, CNB, Container, GREP_DIGEST, Pod, User, assert_readable};
use spec_tests::image::Image;

const LAYERS: (&str, &str) = ("layers", "/layers");
const SOURCE: (&str, &str) = ("workspace", "/workspace/source");
const PLATFORM: (&str, &str) = ("platform", "/platform");
const CACHE: (&str, &str) = ("cache", "/workspace/cache");
const ENV: [(&str, &str); 2] = [("CNB_PLATFORM_API", "0.9"), ("HOME", "/tekton/home")];

const ROOT: Container<'_> = Container {
    base: Base::Builder,
    user: User::Root,
    env: &ENV,
    mounts: &[LAYERS, SOURCE, PLATFORM, CACHE, ("home", "/tekton/home")],
};

fn pod() -> Pod {
    let pod = Pod::new("0.9");
    pod.open("home");
    pod.open("empty");
    pod.write_docker_config("home/.docker");
    pod
}

/// Hands credentials to root as Tekton writes them, and runs the steps `prepare` and `copy-stack-toml`.
fn prepare(pod: &Pod) {
    pod.script(
        &ROOT,
        "chown -R 1000:1000 /workspace/cache /tekton/home /layers /workspace/source
        chown -R 0:0 /tekton/home/.docker && chmod 600 /tekton/home/.docker/config.json
        printf %s value > /platform/env/TOOL_VARIABLE
        cp /cnb/stack.toml /layers/",
    );
}

/// Runs the steps after the clone; gives the image.
fn build(pod: &Pod, run_image: &str) -> Image {
    prepare(pod);
    let lifecycle = Container {
        base: Base::Lifecycle,
        ..ROOT
    };
    let buildpacks = Container {
        user: CNB,
        mounts: &[LAYERS, SOURCE, PLATFORM, ("empty", "/tekton/home")],
        ..ROOT
    };
    pod.step(
        &buildpacks,
        "/cnb/lifecycle/detector -app=/workspace/source/ -group=/layers/group.toml -plan=/layers/plan.toml",
    );
    pod.step(
        &lifecycle,
        "/cnb/lifecycle/analyzer -layers=/layers -stack=/layers/stack.toml -cache-image= -uid=1000 -gid=1000
        {registry}/tool-demo/tool-demo:latest",
    );
    pod.step(
        &lifecycle,
        "/cnb/lifecycle/restorer -group=/layers/group.toml -layers=/layers -cache-dir=/workspace/cache
        -cache-image= -uid=1000 -gid=1000",
    );
    pod.step(
        &buildpacks,
        "/cnb/lifecycle/builder -app=/workspace/source/ -layers=/layers -group=/layers/group.toml
        -plan=/layers/plan.toml",
    );
    pod.script(
        &ROOT,
        r"for path in /layers /workspace/source; do
            chmod go+rw -R $path
            find $path -executable -exec chmod go+x {} \;
        done",
    );
    pod.step(
        &lifecycle,
        &format!(
            "/cnb/lifecycle/exporter -app=/workspace/source/ -layers=/layers -group=/layers/group.toml
            -cache-dir=/workspace/cache -cache-image= -report=/layers/report.toml -process-type= -uid=1000
            -gid=1000 -stack=/layers/stack.toml -run-image={run_image} {{registry}}/tool-demo/tool-demo:latest"
        ),
    );
    let image = pod.pull("tool-demo/tool-demo:latest");
    assert_eq!(pod.digest_by(GREP_DIGEST), image.digest);
    assert_readable(pod, &image, "web");
    image
}

#[test]
fn the_task_ends_in_an_image_whose_files_have_the_modes_on_disk() {
    let pod = pod();
    let image = build(&pod, "");
    let entries: Vec<_> = (1..image.layers().len())
        .flat_map(|index| image.entries(index))
        .collect();
    let mode = |path: &str| {
        let found = entries.iter().find(|entry| entry.path == path);
        let entry = found.unwrap_or_else(|| panic!("{path} is in no layer"));
        (entry.mode, entry.uid, entry.gid)
    };
    assert_eq!(mode("/workspace/source/main.txt"), (0o666, 1000, 1000));
    assert_eq!(
        mode("/layers/example_first/deps/bin/dep"),
        (0o777, 1000, 1000)
    );
    pod.end_build();
    assert_eq!(build(&pod, "").digest, image.digest, "built again");
}

#[test]
fn the_run_image_may_be_named_again_to_the_exporter_but_no_other() {
    let pod = pod();
    build(&pod, "{registry}/golden/run:base");
    let lifecycle = Container {
        base: Base::Lifecycle,
        user: User::Root,
        env: &ENV,
        mounts: &[LAYERS, SOURCE, ("home", "/tekton/home")],
    };
    pod.run(
        &lifecycle,
        "/cnb/lifecycle/exporter -app=/workspace/source/ -stack=/layers/stack.toml -uid=1000 -gid=1000
        -run-image={registry}/golden/run:other {registry}/tool-demo/tool-demo:latest",
    )
    .expect_code(3)
    .expect_words(&["-run-image", "golden/run:other", "golden/run@sha256:", "analyzer"]);
}
