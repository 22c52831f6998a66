//! Credentials that are wrong, and rights that are missing.
use crate::ground::{API, Ground, before, fails};
use spec_tests::{
    client::basic,
    front::{Front, Verdict},
    recipe::Recipe,
    registry::Registry,
    stage::Stage,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A registry with a password, the run image in it, and a stage.
fn private() -> (Registry, Stage) {
    let registry = Registry::start_private("builder", "right");
    Recipe::run_image().push(&registry, "golden/run:base");
    let stage = Stage::sample(API, &registry.address());
    (registry, stage)
}

fn log_in(stage: &mut Stage, registry: &Registry, password: &str) {
    let value = basic("builder", password);
    let auth = format!("{{\"{}\":\"{value}\"}}", registry.address());
    stage.set("CNB_REGISTRY_AUTH", &auth);
}

#[test]
fn a_wrong_password_names_registry_and_where_credentials_come_from() {
    let (registry, mut stage) = private();
    log_in(&mut stage, &registry, "wrong");
    let image = registry.name("app/bad");
    let args = before(&stage, &image, "analyzer");
    let words = [&registry.address(), "CNB_REGISTRY_AUTH"];
    // No accessible run image.
    fails(&stage, ("analyzer", &args), 3, &words, &[]);
    log_in(&mut stage, &registry, "right");
    stage.build(&image);
}

#[test]
fn a_password_that_changed_during_the_build_leaves_no_image() {
    let (registry, mut stage) = private();
    log_in(&mut stage, &registry, "right");
    let args = before(&stage, &registry.name("app/bad"), "exporter");
    log_in(&mut stage, &registry, "wrong");
    let words = [&registry.address(), "CNB_REGISTRY_AUTH"];
    fails(&stage, ("exporter", &args), 62, &words, &[]);
    assert!(registry.client().manifest("app/bad", "latest").is_none());
}

#[test]
fn malformed_credentials_name_their_variable_and_never_show_a_secret() {
    let (registry, mut stage) = private();
    stage.set("CNB_REGISTRY_AUTH", "{\"x\":\"Basic hunter2");
    let args = before(&stage, &registry.name("app/bad"), "analyzer");
    fails(&stage, ("analyzer", &args), 1, &["CNB_REGISTRY_AUTH"], &[]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = stage.phase("analyzer", &args).output;
    assert!(!output.contains("hunter2"), "{output}");
}

#[test]
fn no_right_to_push_is_found_before_the_build() {
    let ground = Ground::new();
    let front = Front::start(ground.registry.address(), |method, _| match method {
        "GET" | "HEAD" => Verdict::Pass,
        _ => Verdict::Deny,
    });
    let image = front.name("app/bad");
    let args = before(&ground.stage, &image, "analyzer");
    ground.fails("analyzer", &args, 32, &[&image, "denied"]);
}

#[test]
fn a_right_to_push_that_was_lost_during_the_build_leaves_no_image() {
    let ground = Ground::new();
    let lost = Arc::new(AtomicBool::new(false));
    let front = Front::start(ground.registry.address(), {
        let lost = Arc::clone(&lost);
        move |method, path| {
            if lost.load(Ordering::SeqCst) && method == "PUT" && path.contains("/manifests/") {
                Verdict::Deny
            } else {
                Verdict::Pass
            }
        }
    });
    let image = front.name("app/bad");
    let args = before(&ground.stage, &image, "exporter");
    lost.store(true, Ordering::SeqCst);
    ground.fails("exporter", &args, 62, &[&image, "denied"]);
}
