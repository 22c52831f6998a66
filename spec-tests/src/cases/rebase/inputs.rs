//! Where the rebaser's inputs come from.
use super::{Ground, lifecycle_label, patched};
use crate::{suite::Case, tests, toml_of};
use std::fs;

tests! {
    the_daemon_is_asked_for_by_flag_or_variable: ["P-RBIN-001"];
    force_comes_from_flag_or_variable: ["P-RBIN-002"] .platform(12, 15);
    user_and_group_are_numbers: ["P-RBIN-003", "P-RBIN-010"];
    insecure_registries_come_from_flag_or_variable: ["P-RBIN-004"] .platform(13, 15);
    the_log_level_comes_from_flag_or_variable: ["P-RBIN-005"];
    another_image_can_be_the_start:
        ["P-RBIN-006", "P-REBASE-005", "P-REBASE-006", "P-REBASE-007"] .platform(11, 15);
    the_report_path_comes_from_flag_or_variable: ["P-RBIN-007", "P-API-008"];
    the_run_image_comes_from_flag_or_variable_or_label: ["P-RBIN-008", "P-RBIN-009"];
    the_label_names_the_run_image: ["P-REBASE-008", "P-REBASE-009"] .platform(12, 15);
    the_old_label_names_the_run_image: ["P-REBASE-010"] .platform(7, 11);
}

fn the_daemon_is_asked_for_by_flag_or_variable(case: &Case<'_>) {
    // There is no daemon: whoever asks for one fails.
    let mut ground = Ground::new(case);
    ground.patch(case, &patched());
    case.fails("P-RBIN-001", &ground.rebase(&["-daemon"]));
    ground.flow.stage.set("CNB_USE_DAEMON", "true");
    case.fails("P-RBIN-001", &ground.rebase(&[]));
    case.succeeds("P-RBIN-001", &ground.rebase(&["-daemon=false"]));
    ground.flow.stage.unset("CNB_USE_DAEMON");
    case.succeeds("P-RBIN-001", &ground.rebase(&[]));
}

fn force_comes_from_flag_or_variable(case: &Case<'_>) {
    let mut ground = Ground::new(case);
    ground.patch(
        case,
        &patched().label("io.buildpacks.base.distro.version", "99"),
    );
    case.fails("P-RBIN-002", &ground.rebase(&[]));
    ground.flow.stage.set("CNB_FORCE_REBASE", "true");
    case.fails("P-RBIN-002", &ground.rebase(&["-force=false"]));
    case.succeeds("P-RBIN-002", &ground.rebase(&[]));
}

fn user_and_group_are_numbers(case: &Case<'_>) {
    let ground = Ground::new(case);
    for (flag, id) in [("uid", "P-RBIN-010"), ("gid", "P-RBIN-003")] {
        case.succeeds(id, &ground.rebase(&[&format!("-{flag}=1000")]));
        case.fails(id, &ground.rebase(&[&format!("-{flag}=builder")]));
    }
}

fn insecure_registries_come_from_flag_or_variable(case: &Case<'_>) {
    let mut ground = Ground::new(case);
    let port = case.ground.registry.address().split_off("127.0.0.1:".len());
    let host = format!("registry.example:{port}");
    ground.flow.stage.name_this_machine("registry.example");
    let here = case.ground.registry.address();
    let image = ground.flow.image.replace(&here, &host);
    let run = format!("-run-image={}", ground.run);
    let rebase = |ground: &Ground<'_>, args: &[&str]| {
        let args = [args, &[run.as_str(), &image]].concat();
        ground.flow.stage.phase("rebaser", &args)
    };
    case.fails("P-RBIN-004", &rebase(&ground, &[]));
    let listed = format!("-insecure-registry={host}");
    let args = ["-insecure-registry=other.example", &listed];
    case.succeeds("P-RBIN-004", &rebase(&ground, &args));
    ground.flow.stage.set("CNB_INSECURE_REGISTRIES", &host);
    case.succeeds("P-RBIN-004", &rebase(&ground, &[]));
}

fn the_log_level_comes_from_flag_or_variable(case: &Case<'_>) {
    let mut ground = Ground::new(case);
    let words = |ground: &Ground<'_>, args: &[&str]| {
        ground.rebase(args).expect_code(0).output.lines().count()
    };
    let (unset, info) = (words(&ground, &[]), words(&ground, &["-log-level=info"]));
    let debug = words(&ground, &["-log-level=debug"]);
    case.equal("P-RBIN-005", unset, info);
    case.check(
        "P-RBIN-005",
        debug > info,
        "more lines at level debug",
        (debug, info),
    );
    ground.flow.stage.set("CNB_LOG_LEVEL", "debug");
    case.equal("P-RBIN-005", words(&ground, &[]), debug);
    case.equal("P-RBIN-005", words(&ground, &["-log-level=info"]), info);
}

fn another_image_can_be_the_start(case: &Case<'_>) {
    let ground = Ground::new(case);
    ground.patch(case, &patched());
    let fresh = case.reference("fresh");
    let previous = format!("-previous-image={}", ground.flow.image);
    let outcome = ground.flow.stage.phase("rebaser", &[&previous, &fresh]);
    case.succeeds("P-RBIN-006", &outcome);
    let top = ground.app.diff_ids().pop();
    case.equal("P-REBASE-005", case.pull(&fresh).diff_ids().pop(), top);
    case.equal(
        "P-REBASE-006",
        &ground.flow.pull().digest,
        &ground.app.digest,
    );
    let rebased = ground.rebased(&[]);
    case.equal(
        "P-RBIN-006 P-REBASE-007",
        rebased.digest,
        case.pull(&fresh).digest,
    );
}

fn the_report_path_comes_from_flag_or_variable(case: &Case<'_>) {
    let mut ground = Ground::new(case);
    let default = ground.flow.stage.path("layers/report.toml");
    fs::remove_file(&default).expect("remove the exporter's report");
    ground
        .flow
        .stage
        .set("CNB_REPORT_PATH", "/layers/variable.toml");
    case.succeeds("P-RBIN-007", &ground.rebase(&["-report=/layers/flag.toml"]));
    let written = |ground: &Ground<'_>, name: &str| {
        let path = ground.flow.stage.path(&format!("layers/{name}.toml"));
        path.exists() && toml_of(&path).contains_key("image")
    };
    case.equal("P-RBIN-007 P-API-008", written(&ground, "flag"), true);
    case.equal("P-RBIN-007 P-API-008", written(&ground, "variable"), false);
    case.succeeds("P-RBIN-007", &ground.rebase(&[]));
    case.equal("P-RBIN-007", written(&ground, "variable"), true);
    ground.flow.stage.unset("CNB_REPORT_PATH");
    case.succeeds("P-RBIN-007", &ground.rebase(&[]));
    case.equal("P-RBIN-007", written(&ground, "report"), true);
}

/// Digest of the run image that the app image stands on now.
fn base(ground: &Ground<'_>) -> String {
    let label = lifecycle_label(&ground.flow.pull());
    let reference = label["runImage"]["reference"].as_str().unwrap_or_default();
    reference
        .rsplit_once('@')
        .map_or(reference, |parts| parts.1)
        .to_owned()
}

fn the_run_image_comes_from_flag_or_variable_or_label(case: &Case<'_>) {
    let mut ground = Ground::new(case);
    // One repository: references that differ by tag only are of one recorded name.
    let push = |tag: &str, file: &str| {
        let name = format!("{}:{tag}", ground.repository);
        let recipe = patched().layer(&[("etc/tag", file)]);
        recipe.push(&case.ground.registry, &name)
    };
    let (one, two) = (push("one", "one"), push("two", "two"));
    let recorded = ground.patch(case, &patched()).digest;
    let force: &[&str] = if case.platform < 12 { &[] } else { &["-force"] };
    let rebase = |ground: &Ground<'_>, args: &[&str]| ground.rebase(&[force, args].concat());
    case.succeeds("P-RBIN-008", &rebase(&ground, &[]));
    case.equal("P-RBIN-008", base(&ground), recorded);
    let (first, second) = (format!("{}:one", ground.run), format!("{}:two", ground.run));
    ground.flow.stage.set("CNB_RUN_IMAGE", &first);
    case.succeeds("P-RBIN-008", &rebase(&ground, &[]));
    case.equal("P-RBIN-008", &base(&ground), &one);
    case.succeeds(
        "P-RBIN-008",
        &rebase(&ground, &[&format!("-run-image={second}")]),
    );
    case.equal("P-RBIN-008", &base(&ground), &two);
    ground.flow.stage.unset("CNB_RUN_IMAGE");
    case.succeeds(
        "P-RBIN-009",
        &rebase(&ground, &[&format!("-image={first}")]),
    );
    case.equal("P-RBIN-009", base(&ground), one);
}

fn the_label_names_the_run_image(case: &Case<'_>) {
    let ground = Ground::new(case);
    let label = lifecycle_label(&ground.app);
    case.equal(
        "P-REBASE-008",
        label["runImage"]["image"].as_str(),
        Some(ground.run.as_str()),
    );
    let new = ground.patch(case, &patched()).digest;
    case.succeeds("P-REBASE-008", &ground.rebase(&[]));
    case.equal("P-REBASE-008", base(&ground), new);

    let ground = Ground::new(case);
    let mut label = lifecycle_label(&ground.app);
    let run_image = label["runImage"]
        .as_object_mut()
        .expect("the label has a run image");
    run_image.remove("image");
    run_image.remove("mirrors");
    label["stack"] = serde_json::json!({"runImage": {"image": ground.run}});
    let text = serde_json::json!(label.to_string());
    super::permission::relabel(case, &ground, "io.buildpacks.lifecycle.metadata", &text);
    let new = ground.patch(case, &patched()).digest;
    case.succeeds("P-REBASE-009", &ground.rebase(&[]));
    case.equal("P-REBASE-009", base(&ground), new);
}

fn the_old_label_names_the_run_image(case: &Case<'_>) {
    let ground = Ground::new(case);
    let label = lifecycle_label(&ground.app);
    let recorded = label["stack"]["runImage"]["image"].as_str();
    case.equal("P-REBASE-010", recorded, Some(ground.run.as_str()));
    let new = ground.patch(case, &patched()).digest;
    case.succeeds("P-REBASE-010", &ground.rebase(&[]));
    case.equal("P-REBASE-010", base(&ground), new);
}
