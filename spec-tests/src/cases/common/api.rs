//! Platform and Buildpack API versions.
use super::{calls, run};
use crate::{flow::Flow, probe::Probe, suite::Case, tests};
use std::fs;

tests! {
    each_executable_refuses_a_platform_api_it_does_not_know:
        ["P-API-006", "P-EXIT-002", "P-PHASE-001"] .once();
    a_version_that_is_not_one_is_refused: ["P-API-001"] .once();
    a_lone_major_number_has_minor_0: ["P-API-002"] .once();
    the_platform_api_is_decided_before_anything_else: ["P-API-007"] .once();
    the_run_image_stands_in_the_file_of_the_version: ["P-API-005", "P-API-001"];
    a_buildpack_of_an_unknown_api_is_refused: ["P-EXIT-003"];
}

fn each_executable_refuses_a_platform_api_it_does_not_know(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.stage.set("CNB_PLATFORM_API", "99.0");
    for (executable, args) in calls(&flow) {
        let outcome = run(&flow.stage, executable, &args);
        case.exit("P-API-006 P-EXIT-002 P-PHASE-001", &outcome, 11..=11);
    }
    let left = fs::read_dir(flow.stage.path("layers")).map(Iterator::count);
    case.equal("P-API-006", left.ok(), Some(0));
}

fn a_version_that_is_not_one_is_refused(case: &Case<'_>) {
    for version in ["abc", "v0.12", "0.12.1", "0,12", " "] {
        let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
        flow.stage.set("CNB_PLATFORM_API", version);
        case.fails("P-API-001", &flow.analyze(&[]));
    }
}

fn a_lone_major_number_has_minor_0(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    for (lone, whole) in [("0", "0.0"), ("1", "1.0"), ("99", "99.0")] {
        flow.stage.set("CNB_PLATFORM_API", lone);
        let code = flow.analyze(&[]).code;
        flow.stage.set("CNB_PLATFORM_API", whole);
        case.equal("P-API-002", code, flow.analyze(&[]).code);
    }
}

fn the_platform_api_is_decided_before_anything_else(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.stage.write("cnb/order.toml", "this is not TOML");
    flow.stage.write("cnb/run.toml", "nor is this");
    flow.stage.set("CNB_PLATFORM_API", "99.0");
    for (executable, mut args) in calls(&flow) {
        if executable != "launcher" {
            args.insert(0, "-no-such-flag".to_owned());
        }
        case.exit("P-API-007", &run(&flow.stage, executable, &args), 11..=11);
    }
}

fn the_run_image_stands_in_the_file_of_the_version(case: &Case<'_>) {
    let flow = Flow::new(case);
    let (own, other) = if case.platform < 12 {
        ("cnb/stack.toml", "cnb/run.toml")
    } else {
        ("cnb/run.toml", "cnb/stack.toml")
    };
    flow.stage.write(other, "this is not TOML");
    case.succeeds("P-API-001 P-API-005", &flow.analyze(&[]));
    flow.stage.write(own, "this is not TOML");
    case.fails("P-API-005", &flow.analyze(&[]));
}

fn a_buildpack_of_an_unknown_api_is_refused(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one").api("99.0");
    let flow = Flow::with(case, &[&probe]);
    flow.analyze(&[]).expect_code(0);
    case.exit("P-EXIT-003", &flow.detect(&[]), 12..=12);
    let good = Probe::new(case, "example/one");
    good.install(&flow.stage);
    flow.until_detect();
    probe.install(&flow.stage);
    case.exit("P-EXIT-003", &flow.build(&[]), 12..=12);
}
