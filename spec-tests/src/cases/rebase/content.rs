//! What a rebased image is made of.
use super::{Ground, lifecycle_label, patched};
use crate::{image::Image, recipe::Recipe, suite::Case, tests};
use serde_json::{Value, json};

tests! {
    the_layers_of_the_old_base_are_replaced: ["P-REBASE-013", "P-REBASE-014"];
    nothing_else_changes: ["P-REBASE-012", "P-REBASE-026"];
    the_label_names_the_new_run_image: ["P-REBASE-015", "P-REBASE-016", "P-PHASE-007"];
    labels_of_the_stack_follow_the_run_image: ["P-REBASE-017"] .platform(7, 11);
    labels_of_base_and_stack_follow_the_run_image: ["P-REBASE-018", "P-REBASE-019"] .platform(12, 15);
    a_forced_rebase_takes_the_target: ["P-REBASE-020", "P-REBASE-021"] .platform(12, 15);
    every_tag_gets_the_same_image: ["P-REBASE-011", "P-RBIN-011"];
    the_report_is_about_the_rebased_image: ["P-REBASE-027"];
}

fn the_layers_of_the_old_base_are_replaced(case: &Case<'_>) {
    let ground = Ground::new(case);
    let new = ground.patch(case, &patched());
    let rebased = ground.rebased(&[]);
    let app: Vec<String> = ground.app.diff_ids().split_off(1);
    case.equal("P-REBASE-013", rebased.diff_ids().split_off(3), &app[..]);
    case.equal("P-REBASE-014", &rebased.diff_ids()[..3], new.diff_ids());
    case.equal(
        "P-REBASE-014",
        &rebased.layers()[3..],
        &ground.app.layers()[1..],
    );
}

/// A config without what a rebase is to change.
fn lasting(image: &Image) -> Value {
    let mut config = image.config.clone();
    for member in ["created", "rootfs", "history"] {
        config[member] = Value::Null;
    }
    let labels = config["config"]["Labels"].as_object_mut();
    labels.expect("the image has labels").retain(|name, _| {
        name != "io.buildpacks.lifecycle.metadata"
            && !name.starts_with("io.buildpacks.base.")
            && !name.starts_with("io.buildpacks.stack.")
    });
    config
}

fn nothing_else_changes(case: &Case<'_>) {
    let ground = Ground::new(case);
    ground.patch(case, &patched());
    let rebased = ground.rebased(&[]);
    case.equal("P-REBASE-012", lasting(&rebased), lasting(&ground.app));
    case.equal("P-REBASE-012", rebased.label("own"), Some("kept"));
    case.equal("P-REBASE-012", &rebased.media_type, &ground.app.media_type);
    case.equal(
        "P-REBASE-026",
        rebased.config["created"].as_str(),
        Some("1980-01-01T00:00:01Z"),
    );
}

fn the_label_names_the_new_run_image(case: &Case<'_>) {
    let ground = Ground::new(case);
    let old = lifecycle_label(&ground.app);
    let new = ground.patch(case, &patched());
    let label = lifecycle_label(&ground.rebased(&[]));
    let reference = label["runImage"]["reference"].as_str().unwrap_or_default();
    case.contains("P-REBASE-015", reference, &new.digest);
    let top = new.diff_ids().pop();
    case.equal(
        "P-REBASE-016",
        label["runImage"]["topLayer"].as_str(),
        top.as_deref(),
    );
    for name in ["reference", "topLayer"] {
        let gone = old["runImage"][name]
            .as_str()
            .expect("the old label has it");
        case.lacks("P-PHASE-007", &label.to_string(), gone);
    }
}

/// A run image whose labels of one kind differ from [`Recipe::run_image`].
fn relabelled(kind: &str) -> Recipe {
    patched()
        .label(&format!("{kind}.homepage"), "https://new.example")
        .label(&format!("{kind}.released"), "today")
}

fn labels_of_the_stack_follow_the_run_image(case: &Case<'_>) {
    let ground = Ground::new(case);
    ground.patch(case, &relabelled("io.buildpacks.stack"));
    let rebased = ground.rebased(&[]);
    for (name, value) in [("homepage", "https://new.example"), ("released", "today")] {
        let name = format!("io.buildpacks.stack.{name}");
        case.equal("P-REBASE-017", rebased.label(&name), Some(value));
    }
}

fn labels_of_base_and_stack_follow_the_run_image(case: &Case<'_>) {
    for (kind, id) in [
        ("io.buildpacks.base", "P-REBASE-018"),
        ("io.buildpacks.stack", "P-REBASE-019"),
    ] {
        let old = Recipe::run_image().label(&format!("{kind}.released"), "yesterday");
        let ground = Ground::on(case, &old);
        ground.patch(case, &relabelled(kind));
        let rebased = ground.rebased(&[]);
        case.equal(
            id,
            rebased.label(&format!("{kind}.released")),
            Some("today"),
        );
        case.equal(
            id,
            rebased.label(&format!("{kind}.homepage")),
            Some("https://new.example"),
        );
    }
}

fn a_forced_rebase_takes_the_target(case: &Case<'_>) {
    let ground = Ground::new(case);
    let mut other = patched()
        .label("io.buildpacks.base.distro.name", "other")
        .label("io.buildpacks.base.distro.version", "99");
    other.config["architecture"] = json!("arm64");
    other.config["variant"] = json!("v8");
    ground.patch(case, &other);
    let rebased = ground.rebased(&["-force"]);
    let target = |name: &str| rebased.config[name].as_str();
    case.equal(
        "P-REBASE-020",
        (target("os"), target("architecture"), target("variant")),
        (Some("linux"), Some("arm64"), Some("v8")),
    );
    let distro = |name: &str| rebased.label(&format!("io.buildpacks.base.distro.{name}"));
    case.equal(
        "P-REBASE-021",
        (distro("name"), distro("version")),
        (Some("other"), Some("99")),
    );
}

fn every_tag_gets_the_same_image(case: &Case<'_>) {
    let ground = Ground::new(case);
    ground.patch(case, &patched());
    let tags = [case.reference("second"), case.reference("third")];
    let words = [ground.flow.image.as_str(), &tags[0], &tags[1]];
    ground.flow.stage.phase("rebaser", &words).expect_code(0);
    let digest = ground.flow.pull().digest;
    case.differ("P-REBASE-011", &digest, &ground.app.digest);
    for tag in &tags {
        case.equal("P-REBASE-011 P-RBIN-011", &case.pull(tag).digest, &digest);
    }
}

fn the_report_is_about_the_rebased_image(case: &Case<'_>) {
    let ground = Ground::new(case);
    ground.patch(case, &patched());
    std::fs::remove_file(ground.flow.stage.path("layers/report.toml")).expect("remove the report");
    let rebased = ground.rebased(&[]);
    let report = ground.flow.layers_toml("report.toml");
    let digest = report["image"]["digest"].as_str();
    case.equal("P-REBASE-027", digest, Some(rebased.digest.as_str()));
    let tags = report["image"]["tags"].to_string();
    case.contains("P-REBASE-027", &tags, &ground.flow.image);
}
