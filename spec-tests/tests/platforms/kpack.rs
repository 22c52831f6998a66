//! kpack: every step as the build image's user with no capability, volumes by group, credentials in the home directory
//! of the steps that touch images.
use crate::pod::{Base, CNB, Container, Pod, User, assert_readable};
use spec_tests::{stage::Outcome, toml_of};

const REPORT_DIGEST: &str = r#"sed -n 's/^ *digest = "\(.*\)"$/\1/p' /var/report/report.toml | tr -d '\n' > /tekton/results/digest"#;
const HOME: (&str, &str) = ("HOME", "/builder/home");
const BINDINGS: (&str, &str) = ("SERVICE_BINDING_ROOT", "/platform/bindings");
const LAYERS: (&str, &str) = ("layers", "/layers");
const WORKSPACE: (&str, &str) = ("workspace", "/workspace");
const HOME_VOLUME: (&str, &str) = ("home", "/builder/home");
const CACHE: (&str, &str) = ("cache", "/cache");

/// What the controller gives: `fsGroup` on the volumes, and what its first step writes.
fn pod(api: &str) -> Pod {
    let pod = Pod::new(api);
    pod.open("report");
    pod.write_docker_config("home/.docker");
    let kubelet = Container {
        base: Base::Builder,
        user: User::Root,
        env: &[],
        mounts: &[LAYERS, WORKSPACE, HOME_VOLUME, CACHE, ("report", "/report")],
    };
    pod.script(
        &kubelet,
        "chown -R 0:1000 /layers /workspace /builder/home /cache /report
        chmod 2775 /layers /workspace /builder/home /cache /report
        chown -R 1000:1000 /workspace/* /layers/project-metadata.toml /builder/home/.docker
        chmod 600 /builder/home/.docker/config.json",
    );
    pod
}

/// Cache and previous image of one build.
struct Build<'a> {
    api: &'a str,
    restore_cache: &'a str,
    export_cache: &'a str,
    analyze_more: &'a str,
    process_type: &'a str,
}

/// Gives the digest and what the exporter said.
fn build(pod: &Pod, build: &Build<'_>) -> (String, Outcome) {
    let api = ("CNB_PLATFORM_API", build.api);
    let images = Container {
        base: Base::Builder,
        user: CNB,
        env: &[api, HOME, BINDINGS],
        mounts: &[LAYERS, WORKSPACE, HOME_VOLUME, CACHE],
    };
    let buildpacks = Container {
        env: &[api, BINDINGS],
        mounts: &[LAYERS, WORKSPACE, ("platform", "/platform")],
        ..images
    };
    let Build {
        restore_cache,
        analyze_more,
        ..
    } = build;
    pod.step(
        &images,
        &format!(
            "/cnb/lifecycle/analyzer -layers=/layers -analyzed=/layers/analyzed.toml
            -run-image={}@{} {analyze_more} -tag={{registry}}/app/kpack:b1 {{registry}}/app/kpack",
            pod.registry.name("golden/run"),
            pod.pull("golden/run:base").digest,
        ),
    );
    pod.step(
        &buildpacks,
        "/cnb/lifecycle/detector -app=/workspace -group=/layers/group.toml -plan=/layers/plan.toml",
    );
    pod.step(
        &images,
        &format!(
            "/cnb/lifecycle/restorer -group=/layers/group.toml -layers=/layers {restore_cache}
            -analyzed=/layers/analyzed.toml"
        ),
    );
    pod.step(
        &buildpacks,
        "/cnb/lifecycle/builder -layers=/layers -app=/workspace -group=/layers/group.toml
        -plan=/layers/plan.toml",
    );
    let exported = export(pod, build);
    pod.end_build();
    (pod.digest_by(REPORT_DIGEST), exported)
}

fn export(pod: &Pod, build: &Build<'_>) -> Outcome {
    let container = Container {
        base: Base::Builder,
        user: CNB,
        env: &[
            ("CNB_PLATFORM_API", build.api),
            HOME,
            ("CNB_RUN_IMAGE", "{registry}/golden/run:base"),
        ],
        mounts: &[
            LAYERS,
            WORKSPACE,
            HOME_VOLUME,
            CACHE,
            ("report", "/var/report"),
        ],
    };
    let Build {
        export_cache,
        process_type,
        ..
    } = build;
    pod.step(
        &container,
        &format!(
            "/cnb/lifecycle/exporter -layers=/layers -app=/workspace -group=/layers/group.toml
            -analyzed=/layers/analyzed.toml -project-metadata=/layers/project-metadata.toml {export_cache}
            {process_type} -report=/var/report/report.toml {{registry}}/app/kpack {{registry}}/app/kpack:b1"
        ),
    )
}

#[test]
fn each_platform_api_kpack_speaks_ends_in_an_image_with_a_volume_cache() {
    for api in ["0.7", "0.8", "0.9"] {
        let pod = pod(api);
        let first = Build {
            api,
            restore_cache: "-cache-dir=/cache",
            export_cache: "-cache-dir=/cache",
            analyze_more: "",
            process_type: "-process-type=",
        };
        let (digest, _) = build(&pod, &first);
        let image = pod.pull("app/kpack:latest");
        assert_eq!(digest, image.digest, "{api}");
        assert_readable(&pod, &image, "web");
        assert_completion(&pod, &digest);

        let previous = format!("-previous-image={{registry}}/app/kpack@{digest}");
        let second = Build {
            analyze_more: &previous,
            ..first
        };
        let (rebuilt, exported) = build(&pod, &second);
        assert_eq!(rebuilt, digest, "{api} rebuilt");
        exported.expect_words(&["Reusing layer 'example/first:deps'"]);
    }
}

#[test]
fn a_registry_cache_is_restored_by_digest_and_exported_to_a_tag() {
    let pod = pod("0.9");
    let first = Build {
        api: "0.9",
        restore_cache: "",
        export_cache: "-cache-image={registry}/app/kpack-cache:latest",
        analyze_more: "",
        process_type: "-process-type=worker",
    };
    let (digest, _) = build(&pod, &first);
    let image = pod.pull("app/kpack:b1");
    assert_eq!(digest, image.digest);
    assert_readable(&pod, &image, "worker");

    let cache = pod.pull("app/kpack-cache:latest").digest;
    let restore = format!("-cache-image={{registry}}/app/kpack-cache@{cache}");
    let previous = format!("{restore} -previous-image={{registry}}/app/kpack@{digest}");
    let second = Build {
        restore_cache: &restore,
        analyze_more: &previous,
        ..first
    };
    let (rebuilt, exported) = build(&pod, &second);
    assert_eq!(rebuilt, digest);
    exported.expect_words(&[
        "Reusing layer 'example/first:deps'",
        "Reusing cache layer 'example/first:deps'",
    ]);
}

/// The fields that kpack's last step reads.
fn assert_completion(pod: &Pod, digest: &str) {
    let report = toml_of(&pod.path("report/report.toml"));
    let image = &report["image"];
    let tags = ["app/kpack", "app/kpack:b1"].map(|name| pod.registry.name(name));
    assert_eq!(image["tags"][0].as_str(), Some(tags[0].as_str()));
    assert_eq!(image["tags"][1].as_str(), Some(tags[1].as_str()));
    assert_eq!(image["digest"].as_str(), Some(digest));
    let size = image["manifest-size"].as_integer();
    assert!(size.is_some_and(|size| size > 0), "{image}");
}
