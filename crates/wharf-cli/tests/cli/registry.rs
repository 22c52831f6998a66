//! Images in a registry that asks for a password.
use crate::{
    build::{BUILD_COMMAND, place_to_build},
    inspect::app,
    place::{Place, base},
};
use wharf_testkit::{Authentication, RegistryServer, RegistryServerOptions};

fn registry() -> RegistryServer {
    let options = RegistryServerOptions {
        authentication: Authentication::Basic {
            user: "builder".into(),
            password: "secret-word".into(),
        },
        ..RegistryServerOptions::default()
    };
    RegistryServer::start(&options).unwrap()
}

fn login(host: &str) -> (&str, &str, &str) {
    (host, "builder", "secret-word")
}

/// Writes the Docker config of the home directory.
fn log_in(place: &Place, registry: &RegistryServer) {
    // base64 of builder:secret-word
    let auth = "YnVpbGRlcjpzZWNyZXQtd29yZA==";
    let config = format!(
        "{{\"auths\": {{\"{}\": {{\"auth\": \"{auth}\"}}}}}}",
        registry.host()
    );
    place.write(".docker/config.json", &config);
}

#[test]
fn a_builder_is_pushed_under_every_tag_and_again_without_a_layer() {
    let (place, registry) = (Place::with_builder_sources(), registry());
    log_in(&place, &registry);
    let host = registry.host();
    let (one, two) = (
        format!("{host}/builder:1"),
        format!("{host}/builder:latest"),
    );
    let arguments = [
        "builder",
        "create",
        "source/builder.toml",
        "--tag",
        &one,
        "--tag",
        &two,
        "--publish",
    ];
    let first = place.wharf(&arguments).success();
    assert!(
        first.contains(&format!("Pushed {one}\nPushed {two}\n")),
        "{first}"
    );
    let second = place.wharf(&arguments).success();
    assert!(second.contains("(0 of 6 layers written, 0 B)"), "{second}");
    let digest = |out: &str| {
        out.split_whitespace()
            .find(|word| word.starts_with("sha256:"))
            .map(ToOwned::to_owned)
    };
    assert_eq!(digest(&first), digest(&second));
    place.wharf(&["inspect", &two]).success();
}

#[test]
fn an_image_is_rebased_in_place() {
    let (place, registry) = (Place::new(), registry());
    log_in(&place, &registry);
    let host = registry.host();
    let run = base().layer(&[("etc/os-release", b"old", 0o644)]);
    let run_name = format!("{host}/run:1");
    let top_layer = place.image("run", "old", &run).layers()[0]
        .diff_id
        .to_string();
    place.image("app", "v1", &app(&run, &top_layer, &run_name));
    place.image(
        "run",
        "new",
        &base().layer(&[("etc/os-release", b"patched", 0o644)]),
    );
    let app_name = format!("{host}/app:v1");
    place.push("app", "v1", login(&host), &app_name);
    place.push("run", "new", login(&host), &run_name);
    let out = place.wharf(&["rebase", &app_name, "--publish"]).success();
    assert!(out.contains(&format!("Rebased    {app_name}\n")), "{out}");
    let inspected = place.wharf(&["inspect", &app_name]).success();
    assert!(
        inspected.contains(&format!("{run_name}\n            {host}/run@sha256:")),
        "{inspected}"
    );
}

#[test]
fn without_credentials_the_error_says_where_they_are_looked_for() {
    let (place, registry) = (Place::new(), registry());
    let name = format!("{}/app:v1", registry.host());
    let error = place.wharf(&["inspect", &name]).failure(1);
    assert!(
        error.contains("check CNB_REGISTRY_AUTH or the Docker config"),
        "{error}"
    );
}

#[test]
fn a_build_pushes_with_credentials_that_buildpacks_do_not_see() {
    let (place, registry) = (place_to_build(), registry());
    log_in(&place, &registry);
    let host = registry.host();
    let run_name = format!("{host}/run:1");
    place.push("base", "run", login(&host), &run_name);
    let (one, two) = (format!("{host}/app:1"), format!("{host}/app:latest"));
    let arguments = [
        "build",
        "app",
        "--builder",
        BUILD_COMMAND[3],
        "--run-image",
        &run_name,
        "--tag",
        &one,
        "--tag",
        &two,
        "--publish",
    ];
    let out = place.wharf(&arguments).success();
    assert!(out.contains("auth=none"), "{out}");
    assert!(
        !out.contains("secret-word") && !out.contains("YnVpbGRlcjpz"),
        "{out}"
    );
    assert!(
        out.contains(&format!(
            "Image      {one}\nImage      {two}\nDigest     sha256:"
        )),
        "{out}"
    );
    let again = place.wharf(&arguments).success();
    assert!(again.contains("Added      0 layers, 0 B"), "{again}");
    let inspected = place.wharf(&["inspect", &two]).success();
    assert!(
        inspected.contains(&format!("Run image   {run_name}\n")),
        "{inspected}"
    );
}
