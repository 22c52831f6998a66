//! Builds into a registry with a password: where it is looked for, and who does not get to see it.
use crate::support::{
    Outcome, finish,
    place::{Place, add_run_image},
    site::{self, Site},
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

/// Neither output nor any file of the place has one of the secrets.
#[track_caller]
fn assert_silent(outcome: &Outcome, place: &Place, secrets: &[&str]) {
    let said = [outcome.stdout.as_bytes(), outcome.stderr.as_bytes()].concat();
    let mut texts = vec![("output".to_owned(), said)];
    let mut left = vec![place.path("")];
    while let Some(path) = left.pop() {
        if path.is_dir() && !path.is_symlink() {
            let entries = fs::read_dir(&path).unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path()));
        } else if let Ok(bytes) = fs::read(&path) {
            texts.push((path.display().to_string(), bytes));
        }
    }
    assert!(texts.len() > 10, "the place has files");
    for (name, bytes) in texts {
        for secret in secrets {
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "'{secret}' is in {name}");
        }
    }
}

/// The lines that tell of requests.
fn requests(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome.stdout.lines();
    lines
        .filter(|line| line.contains("://") && line.contains(" bytes sent, "))
        .collect()
}

#[test]
fn every_request_is_told_at_level_debug_and_never_a_secret() {
    let (registry, place) = ready();
    let auth = variable(&registry, &format!("Basic {BASIC}"));
    let image = format!("{}/app/built", registry.host());
    let cache = format!("-cache-image={}/app/cache", registry.host());
    let arguments = ["-no-color", "-log-level=debug", &cache, &image];
    let outcome = finish(place.creator(&arguments, &[("CNB_REGISTRY_AUTH", &auth)]));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let told = requests(&outcome);
    let total = outcome.stdout.lines().find_map(|line| {
        let rest = line.split_once("Registry: ")?.1;
        rest.split_once(" requests")?.0.parse().ok()
    });
    assert_eq!(Some(told.len()), total, "{}", outcome.stdout);
    let manifest = format!(
        "PUT http://{}/v2/app/built/manifests/latest: 201, ",
        registry.host()
    );
    assert!(
        told.iter().any(|line| line.contains(&manifest)),
        "{told:#?}"
    );
    let state = "_state";
    assert_silent(
        &outcome,
        &place,
        &[PASSWORD, BASIC, "correct%20horse", state],
    );
}

#[test]
fn tokens_and_signed_addresses_are_not_told() {
    let site = Site::new();
    let outcome = site.build("team/app", &["-log-level=debug"], &[]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert!(!requests(&outcome).is_empty());
    let tokens = site.server.tokens();
    assert!(!tokens.is_empty());
    let mut secrets: Vec<&str> = tokens.iter().map(String::as_str).collect();
    secrets.extend([site::PASSWORD, site::KEEPER]);
    assert_silent(&outcome, &site.place, &secrets);
}
