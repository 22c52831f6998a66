//! Builds into a registry with a password: where it is looked for, and who does not get to see it.
use crate::support::{
    Outcome, finish,
    place::{Place, add_run_image},
};
use std::fs;
use wharf_registry::{Credentials, RegistryOptions, RegistryStore};
use wharf_testkit::registry_server::{Authentication, RegistryServer, RegistryServerOptions};

const USER: &str = "robot";
const PASSWORD: &str = "correct horse";
/// `robot:correct horse`
const BASIC: &str = "cm9ib3Q6Y29ycmVjdCBob3JzZQ==";

fn ready() -> (RegistryServer, Place) {
    let registry = RegistryServer::start(&RegistryServerOptions {
        authentication: Authentication::Basic {
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        },
        ..RegistryServerOptions::default()
    })
    .unwrap();
    let place = Place::new();
    let store = RegistryStore::new(RegistryOptions {
        credentials: Credentials::anonymous().with_password(&registry.host(), USER, PASSWORD),
        ..RegistryOptions::default()
    })
    .unwrap();
    add_run_image(&place, &store, &format!("{}/run/base", registry.host()));
    (registry, place)
}

fn create(registry: &RegistryServer, place: &Place, environment: &[(&str, &str)]) -> Outcome {
    let image = format!("{}/app/built", registry.host());
    finish(place.creator(&["-no-color", &image], environment))
}

fn variable(registry: &RegistryServer, header: &str) -> String {
    format!(r#"{{"{}":"{header}"}}"#, registry.host())
}

#[test]
fn credentials_come_from_the_variable_or_a_config_that_only_root_may_read() {
    let (registry, place) = ready();
    let auth = variable(&registry, &format!("Basic {BASIC}"));
    let by_variable = create(&registry, &place, &[("CNB_REGISTRY_AUTH", &auth)]);
    assert_eq!(by_variable.status, Some(0), "{}", by_variable.stdout);

    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"{BASIC}"}}}}}}"#,
        registry.host()
    );
    place.write("home/.docker/config.json", &config);
    place.close("home/.docker/config.json");
    let home = place.path("home");
    let by_config = create(&registry, &place, &[("HOME", home.to_str().unwrap())]);
    assert_eq!(by_config.status, Some(0), "{}", by_config.stdout);
    assert!(
        by_config.stdout.contains("Reusing layer 'a/b:tool'"),
        "{}",
        by_config.stdout
    );
}

#[test]
fn missing_wrong_and_malformed_credentials_are_told_apart_and_never_shown() {
    let (registry, place) = ready();
    let missing = create(&registry, &place, &[]);
    assert_eq!(missing.status, Some(3));
    assert!(
        missing
            .stderr
            .contains("does not accept the credentials (none are given"),
        "{}",
        missing.stderr
    );

    let wrong = "cm9ib3Q6d3Jvbmc=";
    let auth = variable(&registry, &format!("Basic {wrong}"));
    let outcome = create(&registry, &place, &[("CNB_REGISTRY_AUTH", &auth)]);
    assert_eq!(outcome.status, Some(3));
    assert!(
        outcome
            .stderr
            .contains("does not accept the credentials (UNAUTHORIZED"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains(wrong), "{}", outcome.stderr);

    let malformed = create(&registry, &place, &[("CNB_REGISTRY_AUTH", BASIC)]);
    assert_eq!(malformed.status, Some(1));
    assert!(
        malformed
            .stderr
            .contains("resolve keychain: parse CNB_REGISTRY_AUTH (line 1"),
        "{}",
        malformed.stderr
    );
    assert!(!malformed.stderr.contains(BASIC), "{}", malformed.stderr);
}

#[test]
fn buildpacks_see_no_credentials_and_gain_no_privileges() {
    let (registry, place) = ready();
    place.script(
        "build",
        "#!/bin/sh\nenv\ncat /proc/$PPID/environ && echo leaked\ncat /proc/$PPID/mem && echo leaked\ngrep NoNewPrivs /proc/self/status\n",
    );
    let auth = variable(&registry, &format!("Basic {BASIC}"));
    let outcome = create(&registry, &place, &[("CNB_REGISTRY_AUTH", &auth)]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains(BASIC), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("leaked"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("NoNewPrivs:\t1"),
        "{}",
        outcome.stdout
    );
    assert!(fs::exists(place.path("layers/report.toml")).unwrap());
}
