//! Exit statuses.
use super::{calls, run};
use crate::{flow::Flow, probe::Probe, recipe::Recipe, stage::Outcome, suite::Case, tests};
use std::fs;

tests! {
    success_is_0: ["P-EXIT-001"];
    wrong_arguments_are_a_generic_failure: ["P-EXIT-004"];
    analyzer_and_restorer_may_use_the_wider_generic_range: ["P-EXIT-005"] .platform(7, 9);
    an_order_that_is_not_toml_fails_detection: ["P-EXIT-008"];
    an_unreachable_run_image_fails_analysis: ["P-EXIT-011"];
    unreadable_metadata_of_the_previous_build_fail_restoring: ["P-EXIT-012"];
    a_failing_buildpack_is_51: ["P-EXIT-013"];
    layers_that_cannot_be_written_fail_the_build: ["P-EXIT-014"];
    a_missing_layer_to_reuse_fails_the_export: ["P-EXIT-015"];
    an_image_that_may_not_be_rebased_fails_rebasing: ["P-EXIT-016"] .platform(12, 15);
    an_unknown_process_fails_the_launch: ["P-EXIT-017"];
    the_process_decides_once_it_runs: ["P-EXIT-018"];
    the_creator_fails_as_the_phase_that_fails: ["P-EXIT-020"];
}

/// Whether a status is in the generic ranges.
fn is_generic(code: i32) -> bool {
    (1..=10).contains(&code) || (13..=19).contains(&code)
}

/// Ends the test unless the status is of the phase's own range or a generic one.
fn own_or_generic(case: &Case<'_>, id: &str, outcome: &Outcome, first: i32) {
    let fits = (first..first + 10).contains(&outcome.code) || is_generic(outcome.code);
    let expected = format!(
        "an exit status from {first} to {} or a generic one",
        first + 9
    );
    case.check(id, fits, &expected, outcome);
}

fn success_is_0(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    for outcome in [
        flow.analyze(&[]),
        flow.detect(&[]),
        flow.restore(&[]),
        flow.build(&[]),
        flow.export(&[]),
        flow.next().create(&[]),
    ] {
        case.succeeds("P-EXIT-001", &outcome);
    }
}

fn wrong_arguments_are_a_generic_failure(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    for (executable, mut args) in calls(&flow) {
        if executable == "launcher" {
            continue;
        }
        args.insert(0, "-no-such-flag".to_owned());
        let outcome = run(&flow.stage, executable, &args);
        let expected = "a generic exit status";
        case.check("P-EXIT-004", is_generic(outcome.code), expected, &outcome);
    }
}

fn analyzer_and_restorer_may_use_the_wider_generic_range(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.stage.write("layers/group.toml", "this is not TOML");
    for outcome in [flow.analyze(&["-no-such-flag"]), flow.restore(&[])] {
        let fits = (1..=10).contains(&outcome.code) || (13..=99).contains(&outcome.code);
        case.check("P-EXIT-005", fits, "a status in 1-10 or 13-99", &outcome);
    }
}

fn an_order_that_is_not_toml_fails_detection(case: &Case<'_>) {
    let flow = Flow::new(case);
    flow.analyze(&[]).expect_code(0);
    flow.stage.write("cnb/order.toml", "[[order]\ngroup = 1");
    let outcome = flow.detect(&[]);
    let fits = (22..=29).contains(&outcome.code) || is_generic(outcome.code);
    case.check(
        "P-EXIT-008",
        fits,
        "a status in 22-29 or a generic one",
        &outcome,
    );
}

fn an_unreachable_run_image_fails_analysis(case: &Case<'_>) {
    let flow = Flow::new(case);
    let missing = case.reference("missing");
    let outcome = flow.analyze(&[&format!("-run-image={missing}")]);
    own_or_generic(case, "P-EXIT-011", &outcome, 30);
}

fn unreadable_metadata_of_the_previous_build_fail_restoring(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.until_detect();
    flow.stage.write("layers/analyzed.toml", "this is not TOML");
    own_or_generic(case, "P-EXIT-012", &flow.restore(&[]), 40);
}

fn a_failing_buildpack_is_51(case: &Case<'_>) {
    for status in [1, 7, 100, 255] {
        let probe = Probe::new(case, "example/one").build(&format!("exit {status}"));
        let flow = Flow::with(case, &[&probe]);
        flow.until_restore();
        case.exit("P-EXIT-013", &flow.build(&[]), 51..=51);
    }
}

fn layers_that_cannot_be_written_fail_the_build(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.until_restore();
    // A file where the buildpack's directory would be.
    let place = flow.stage.path("layers/example_one");
    if place.is_dir() {
        fs::remove_dir_all(&place).expect("remove the directory");
    }
    flow.stage.write("layers/example_one", "a file\n");
    let outcome = flow.build(&[]);
    case.differ("P-EXIT-014", outcome.code, 51);
    own_or_generic(case, "P-EXIT-014", &outcome, 50);
}

fn a_missing_layer_to_reuse_fails_the_export(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one")
        .build("printf '[types]\\nlaunch = true\\n' > \"$LAYERS/absent.toml\"");
    let flow = Flow::with(case, &[&probe]);
    flow.until_build();
    own_or_generic(case, "P-EXIT-015", &flow.export(&[]), 60);
}

fn an_image_that_may_not_be_rebased_fails_rebasing(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.whole();
    let other = Recipe::run_image().label("io.buildpacks.base.distro.name", "other");
    let other = case.push("other", &other);
    let outcome = flow
        .stage
        .phase("rebaser", &[&format!("-run-image={other}"), &flow.image]);
    own_or_generic(case, "P-EXIT-016", &outcome, 70);
}

/// A launcher with one process `web` that runs a shell line.
fn launch(case: &Case<'_>, line: &str, args: &[&str]) -> Outcome {
    let stage = case.stage();
    let command = if case.platform < 10 {
        "command = \"/bin/sh\""
    } else {
        "command = [\"/bin/sh\"]"
    };
    stage.write(
        "layers/config/metadata.toml",
        &format!(
            "[[processes]]\ntype = \"web\"\n{command}\nargs = [\"-c\", \"{line}\"]\ndirect = true\n\
             buildpack-id = \"example/one\"\n[[buildpacks]]\nid = \"example/one\"\nversion = \"1.0\"\napi = \"0.7\"\n"
        ),
    );
    fs::create_dir(stage.path("cnb/process")).expect("make the directory of processes");
    stage.link("/cnb/lifecycle/launcher", "cnb/process/web");
    stage.link("/cnb/lifecycle/launcher", "cnb/process/none");
    stage.run(args[0], &args[1..])
}

fn an_unknown_process_fails_the_launch(case: &Case<'_>) {
    let outcome = launch(case, "exit 0", &["/cnb/lifecycle/launcher"]);
    case.exit("P-EXIT-017", &outcome, 80..=89);
}

fn the_process_decides_once_it_runs(case: &Case<'_>) {
    for status in [0, 1, 42, 255] {
        let outcome = launch(case, &format!("exit {status}"), &["/cnb/process/web"]);
        case.exit("P-EXIT-018", &outcome, status..=status);
    }
}

fn the_creator_fails_as_the_phase_that_fails(case: &Case<'_>) {
    let create = |probe: &Probe, args: &[&str]| Flow::with(case, &[probe]).create(args);
    let good = Probe::new(case, "example/one");
    let failing = good.clone().detect("exit 100");
    case.exit("P-EXIT-020", &create(&failing, &[]), 20..=29);
    let missing = case.reference("missing");
    let outcome = create(&good, &[&format!("-run-image={missing}")]);
    own_or_generic(case, "P-EXIT-020", &outcome, 30);
    let failing = good.clone().build("exit 1");
    case.exit("P-EXIT-020", &create(&failing, &[]), 50..=59);
    let lacking = good.build("printf '[types]\\nlaunch = true\\n' > \"$LAYERS/absent.toml\"");
    own_or_generic(case, "P-EXIT-020", &create(&lacking, &[]), 60);
}
