//! Where credentials come from.
use crate::support::{PASSWORD, USER, basic, options, reference, server, store};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};
use tempfile::TempDir;
use wharf_image::{Access, ImageStore, StoreError};
use wharf_registry::{Credentials, Keychain, KeychainError, RegistryOptions};
use wharf_spec::reference::Reference;
use wharf_testkit::{RegistryServer, RegistryServerOptions};

fn encoded() -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(format!("{USER}:{PASSWORD}"))
}

fn guarded() -> (RegistryServer, Reference) {
    let server = server(&RegistryServerOptions {
        authentication: basic(),
        ..RegistryServerOptions::default()
    });
    let tag = reference(&server.host(), "contract/app:1");
    (server, tag)
}

fn write(content: &serde_json::Value) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("config.json");
    fs::write(&path, content.to_string()).expect("write");
    (directory, path)
}

fn access(credentials: Credentials, tag: &Reference) -> Result<(), StoreError> {
    let store = store(RegistryOptions {
        credentials,
        ..options()
    });
    store.check_access(tag, Access::Write)
}

fn resolve(keychain: &Keychain, tag: &Reference) -> Credentials {
    keychain
        .resolve(std::slice::from_ref(tag))
        .expect("credentials")
}

#[test]
fn reads_every_form_docker_and_podman_write() {
    let (server, tag) = guarded();
    let host = server.host();
    let forms = [
        json!({"auths": {&host: {"auth": encoded()}}}),
        json!({"auths": {format!("https://{host}/v2/"): {"auth": encoded()}}}),
        json!({"auths": {format!("http://{host}"): {"username": USER, "password": PASSWORD}}}),
        json!({"auths": {format!("{host}/contract"): {"auth": encoded()}, &host: {"auth": "eDp5"}}}),
        json!({"auths": {format!("{host}/contract/app"): {"auth": encoded()}}}),
        json!({"auths": {&host: {"auth": encoded(), "email": "x"}}, "HttpHeaders": {"a": "b"}}),
    ];
    for form in forms {
        let (_directory, path) = write(&form);
        let keychain = Keychain::from_parts(None, &[path]).expect("keychain");
        access(resolve(&keychain, &tag), &tag).unwrap_or_else(|error| panic!("{form}: {error:?}"));
    }
}

#[test]
fn the_first_source_that_knows_a_registry_wins() {
    let (server, tag) = guarded();
    let wrong = json!({"auths": {server.host(): {"auth": "eDp5"}}});
    let right = json!({"auths": {server.host(): {"auth": encoded()}}});
    let (_one, wrong) = write(&wrong);
    let (_two, right) = write(&right);
    let missing = PathBuf::from("/nonexistent/config.json");
    let keychain = Keychain::from_parts(None, &[missing, right.clone(), wrong.clone()]);
    access(resolve(&keychain.expect("keychain"), &tag), &tag).expect("access");
    let variable =
        json!({format!("https://{}/v1/", server.host()): format!("Basic {}", encoded())});
    let keychain = Keychain::from_parts(Some(&variable.to_string()), &[wrong]);
    access(resolve(&keychain.expect("keychain"), &tag), &tag).expect("access");
    let directory = right.parent().expect("directory").to_owned();
    let keychain = Keychain::from_parts(Some("{}"), &[directory]);
    access(resolve(&keychain.expect("keychain"), &tag), &tag).expect("access");
}

/// A directory with `docker-credential-test`, which writes what it is asked into `asked`.
fn helper(script: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("docker-credential-test");
    let asked = directory.path().join("asked");
    let script = format!("#!/bin/sh\n/bin/cat > {}\n{script}\n", asked.display());
    fs::write(&path, script).expect("write");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    directory
}

fn with_helper(config: &serde_json::Value, script: &str) -> (Keychain, [TempDir; 2]) {
    let (directory, path) = write(config);
    let helper = helper(script);
    let keychain = Keychain::from_parts(None, &[path]).expect("keychain");
    (
        keychain.with_helper_path(helper.path()),
        [directory, helper],
    )
}

#[test]
fn helpers_are_asked_for_their_registry_and_for_all() {
    let (server, tag) = guarded();
    let answer = json!({"ServerURL": server.host(), "Username": USER, "Secret": PASSWORD});
    let script = format!("echo '{answer}'");
    let configs = [
        json!({"credHelpers": {server.host(): "test"}}),
        json!({"credsStore": "test", "auths": {server.host(): {}}}),
    ];
    for config in configs {
        let (keychain, directories) = with_helper(&config, &script);
        access(resolve(&keychain, &tag), &tag).expect("access");
        let asked = fs::read_to_string(directories[1].path().join("asked")).expect("asked");
        assert_eq!(asked, server.host());
    }
}

#[test]
fn docker_hub_goes_by_its_old_address() {
    let script = r#"echo '{"Username":"<token>","Secret":"identity"}'"#;
    let (keychain, directories) = with_helper(&json!({"credsStore": "test"}), script);
    let credentials = resolve(&keychain, &"debian".parse().expect("reference"));
    assert!(credentials.contains("docker.io"));
    let asked = fs::read_to_string(directories[1].path().join("asked")).expect("asked");
    assert_eq!(asked, "https://index.docker.io/v1/");
}

#[test]
fn a_helper_without_credentials_means_none() {
    let (server, tag) = guarded();
    let script = "echo 'credentials not found in native keychain'; exit 1";
    let (keychain, _directories) = with_helper(&json!({"credsStore": "test"}), script);
    assert!(!resolve(&keychain, &tag).contains(&server.host()));
}

#[test]
fn a_helper_that_fails_is_named_without_its_words() {
    let script = "echo hunter2; echo hunter2 >&2; exit 3";
    let (keychain, _directories) = with_helper(&json!({"credsStore": "test"}), script);
    let error = keychain.resolve(&["r.example/app".parse().expect("reference")]);
    let error = error.expect_err("resolved");
    assert_eq!(
        error.to_string(),
        "get credentials for 'r.example' from docker-credential-test: it ended with exit status: 3"
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn malformed_sources_are_named_by_place_and_never_quoted() {
    let variable = |text: &str| Keychain::from_parts(Some(text), &[]).expect_err("accepted");
    let header = variable(r#"{"r.example": "Basic hunter2"}"#);
    assert!(
        matches!(header, KeychainError::RegistryAuthHeader { .. }),
        "{header:?}"
    );
    let shape = variable(r#"{"r.example": {"auth": "hunter2"}}"#);
    assert!(
        matches!(shape, KeychainError::RegistryAuth { line: 1, .. }),
        "{shape:?}"
    );
    let scheme = variable(r#"{"r.example": "Digest hunter2"}"#);
    let (_one, wrong_type) = write(&json!({"auths": "hunter2"}));
    let wrong_type = Keychain::from_parts(None, &[wrong_type]).expect_err("accepted");
    assert!(
        matches!(wrong_type, KeychainError::ParseConfig { .. }),
        "{wrong_type:?}"
    );
    let (_two, wrong_entry) = write(&json!({"auths": {"r.example": {"auth": "hunter2"}}}));
    let keychain = Keychain::from_parts(None, &[wrong_entry]).expect("keychain");
    let references = ["r.example/app".parse().expect("reference")];
    let wrong_entry = keychain.resolve(&references).expect_err("accepted");
    for error in [header, shape, scheme, wrong_type, wrong_entry] {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn registries_of_clouds_have_helpers_that_nobody_need_configure() {
    let answer = r#"{"Username":"AWS","Secret":"a-token"}"#;
    let helpers = helper(&format!("echo '{answer}'"));
    for name in ["ecr-login", "gcloud", "acr-env"] {
        let from = helpers.path().join("docker-credential-test");
        fs::copy(
            from,
            helpers.path().join(format!("docker-credential-{name}")),
        )
        .expect("copy");
    }
    let keychain = Keychain::from_parts(None, &[]).expect("keychain");
    let keychain = keychain.with_helper_path(helpers.path());
    let has = |name: &str| {
        let reference: Reference = name.parse().expect("reference");
        let credentials = keychain
            .resolve(std::slice::from_ref(&reference))
            .expect("credentials");
        credentials.contains(reference.registry())
    };
    for name in [
        "012345678901.dkr.ecr.eu-central-1.amazonaws.com/app",
        "europe-docker.pkg.dev/project/repository/app",
        "eu.gcr.io/project/app",
        "team.azurecr.io/app",
    ] {
        assert!(has(name), "{name}");
    }
    for name in [
        "r.example/app",
        "amazonaws.com/app",
        "azurecr.io.example/app",
    ] {
        assert!(!has(name), "{name}");
    }
}

#[test]
fn a_cloud_without_its_helper_is_anonymous() {
    let nothing = tempfile::tempdir().expect("directory");
    let keychain = Keychain::from_parts(None, &[]).expect("keychain");
    let keychain = keychain.with_helper_path(nothing.path());
    let credentials = keychain.resolve(&["team.azurecr.io/app".parse().expect("reference")]);
    assert!(
        !credentials
            .expect("credentials")
            .contains("team.azurecr.io")
    );
}
