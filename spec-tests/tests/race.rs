//! Two builds on one tag, by the executables: the one that comes second is told, or leaves the tag alone.
use spec_tests::{fixture, image, read, registry::Registry, stage::Stage};

const API: &str = "0.15";
const IMAGE: &str = "app/race";

/// A stage that was analyzed, detected, restored and built before another image came under the tag.
fn overtaken(registry: &Registry) -> (Stage, Vec<String>) {
    let stage = Stage::sample(API, &registry.address());
    let phases = stage.phases(&registry.name(IMAGE));
    let [before @ .., (_, export)] = &phases;
    for (phase, args) in before {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        stage.phase(phase, &args).expect_code(0);
    }
    registry.push(
        &fixture("golden/reference").join(API).join("run-before"),
        IMAGE,
    );
    (stage, export.clone())
}

fn held(registry: &Registry) -> Option<String> {
    let manifest = registry.client().manifest(IMAGE, "latest");
    manifest.map(|(_, bytes)| image::digest(&bytes))
}

fn registry() -> Registry {
    let registry = Registry::start();
    let run_image = fixture("golden/reference").join(API).join("run-before");
    registry.push(&run_image, "golden/run:base");
    registry
}

#[test]
fn the_build_that_comes_second_is_told_and_the_report_has_both_digests() {
    let registry = registry();
    let (stage, args) = overtaken(&registry);
    let other = held(&registry);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let exported = stage.phase("exporter", &args);
    exported.expect_code(0);
    assert!(
        exported.stderr.contains("another build wrote it meanwhile"),
        "{}",
        exported.stderr
    );
    let report = read(&stage.path("layers/report.toml"));
    let other = other.unwrap_or_default();
    let moved = report.lines().map(str::trim);
    let moved: Vec<&str> = moved
        .skip_while(|line| *line != "[[image.moved]]")
        .collect();
    let tag = format!("tag = \"{}\"", registry.name(IMAGE));
    let now = format!("now = \"{other}\"");
    assert_eq!(moved, ["[[image.moved]]", &tag, "before = \"\"", &now]);
    assert_ne!(held(&registry), Some(other));
    assert_eq!(report.matches("digest").count(), 1, "{report}");
}

#[test]
fn nothing_is_replaced_when_that_is_wanted() {
    let registry = registry();
    let (mut stage, args) = overtaken(&registry);
    let other = held(&registry);
    stage.set("WHARF_TAG_RACE", "fail");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    stage
        .phase("exporter", &args)
        .expect_code(62)
        .expect_words(&["another build wrote it meanwhile", "nothing was replaced"]);
    assert_eq!(held(&registry), other);
    assert!(!stage.path("layers/report.toml").exists());
}

#[test]
fn a_value_that_is_none_is_refused_before_anything_is_done() {
    let registry = registry();
    let (mut stage, args) = overtaken(&registry);
    stage.set("WHARF_TAG_RACE", "perhaps");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    stage
        .phase("exporter", &args)
        .expect_code(3)
        .expect_words(&["WHARF_TAG_RACE", "'perhaps' is none of warn, fail and off"]);
}
