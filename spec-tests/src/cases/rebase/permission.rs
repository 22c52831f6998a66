//! What may be rebased onto what.
use super::{Ground, lifecycle_label, patched};
use crate::{recipe::Recipe, suite::Case, tests};
use serde_json::{Value, json};

tests! {
    an_image_that_says_so_is_not_rebased: ["P-REBASE-002"] .platform(12, 15);
    an_image_has_to_be_named: ["P-REBASE-001"];
    names_are_tags: ["P-REBASE-003"];
    names_are_on_one_registry: ["P-REBASE-004"];
    the_target_has_to_stay: ["P-REBASE-022"] .platform(12, 15);
    the_run_image_has_to_be_a_recorded_one: ["P-REBASE-025"] .platform(12, 15);
    a_forced_run_image_becomes_the_recorded_one: ["P-REBASE-023", "P-REBASE-024"] .platform(12, 15);
}

/// The app image with one label changed, pushed back under its name.
pub(super) fn relabel(case: &Case<'_>, ground: &Ground<'_>, name: &str, value: &Value) {
    let app = &ground.app;
    let mut config = app.config.clone();
    config["config"]["Labels"][name] = value.clone();
    let layers = (0..app.layers().len())
        .map(|index| app.archive(index))
        .collect();
    let recipe = Recipe {
        layers,
        config,
        docker: app.media_type.contains("docker"),
    };
    let repository = ground
        .flow
        .image
        .split_once('/')
        .expect("a reference has a host")
        .1;
    recipe.push(&case.ground.registry, repository);
}

fn an_image_that_says_so_is_not_rebased(case: &Case<'_>) {
    let ground = Ground::new(case);
    relabel(case, &ground, "io.buildpacks.rebasable", &json!("false"));
    ground.patch(case, &patched());
    case.fails("P-REBASE-002", &ground.rebase(&[]));
    case.succeeds("P-REBASE-002", &ground.rebase(&["-force"]));
}

fn an_image_has_to_be_named(case: &Case<'_>) {
    let ground = Ground::new(case);
    case.fails("P-REBASE-001", &ground.flow.stage.phase("rebaser", &[]));
}

fn names_are_tags(case: &Case<'_>) {
    let ground = Ground::new(case);
    ground.patch(case, &patched());
    let by_digest = format!("{}@{}", ground.flow.image, ground.app.digest);
    let outcome = ground
        .flow
        .stage
        .phase("rebaser", &[&ground.flow.image, &by_digest]);
    case.fails("P-REBASE-003", &outcome);
    let outcome = ground.flow.stage.phase("rebaser", &["Not A Name"]);
    case.fails("P-REBASE-003", &outcome);
}

fn names_are_on_one_registry(case: &Case<'_>) {
    let ground = Ground::new(case);
    ground.patch(case, &patched());
    let elsewhere = case.ground.private.name(&case.repository("elsewhere"));
    let outcome = ground
        .flow
        .stage
        .phase("rebaser", &[&ground.flow.image, &elsewhere]);
    case.fails("P-REBASE-004", &outcome);
    case.equal(
        "P-REBASE-004",
        &ground.flow.pull().digest,
        &ground.app.digest,
    );
}

fn the_target_has_to_stay(case: &Case<'_>) {
    let ground = Ground::new(case);
    for (name, value) in [("name", "other"), ("version", "99")] {
        let label = format!("io.buildpacks.base.distro.{name}");
        ground.patch(case, &patched().label(&label, value));
        case.fails("P-REBASE-022", &ground.rebase(&[]));
    }
    let mut other = patched();
    other.config["architecture"] = json!("arm64");
    ground.patch(case, &other);
    case.fails("P-REBASE-022", &ground.rebase(&[]));
    case.equal(
        "P-REBASE-022",
        &ground.flow.pull().digest,
        &ground.app.digest,
    );
    ground.patch(case, &patched());
    case.succeeds("P-REBASE-022", &ground.rebase(&[]));
}

fn the_run_image_has_to_be_a_recorded_one(case: &Case<'_>) {
    let ground = Ground::new(case);
    let stranger = case.push("stranger", &patched());
    let argument = format!("-run-image={stranger}");
    case.fails("P-REBASE-025", &ground.rebase(&[&argument]));
    let recorded = format!("-run-image={}", ground.run);
    case.succeeds("P-REBASE-025", &ground.rebase(&[&recorded]));
}

fn a_forced_run_image_becomes_the_recorded_one(case: &Case<'_>) {
    let ground = Ground::new(case);
    let mut label = lifecycle_label(&ground.app);
    label["runImage"]["mirrors"] = json!(["mirror.example/run"]);
    let text = json!(label.to_string());
    relabel(case, &ground, "io.buildpacks.lifecycle.metadata", &text);
    let stranger = case.push("stranger", &patched());
    let rebased = ground.rebased(&["-force", &format!("-run-image={stranger}")]);
    let run_image = &lifecycle_label(&rebased)["runImage"];
    case.equal(
        "P-REBASE-023",
        run_image["image"].as_str(),
        Some(stranger.as_str()),
    );
    let mirrors = run_image["mirrors"].as_array().map_or(0, Vec::len);
    case.equal("P-REBASE-024", mirrors, 0);
}
