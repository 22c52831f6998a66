//! Which group is selected.
use crate::{
    flow::Flow,
    probe::{Probe, order_of_runs},
    suite::Case,
    tests,
};

tests! {
    the_first_passing_group_wins: ["B-DETECT-002", "P-DETECT-002", "B-DETIF-009"];
    detection_fails_with_20_when_nothing_passes: ["P-EXIT-006", "B-DETECT-004", "B-DETIF-010"];
    detection_fails_with_21_when_a_buildpack_errs: ["P-EXIT-007", "B-DETIF-011"] .each_of_both();
}

/// Identifiers of the members of `group.toml`, in order.
fn members(flow: &Flow<'_>) -> Vec<String> {
    let group = flow.layers_toml("group.toml");
    let list = group["group"].as_array().expect("group.toml has a group");
    let ids = list
        .iter()
        .map(|member| member["id"].as_str().expect("a member has an id"));
    ids.map(str::to_owned).collect()
}

fn the_first_passing_group_wins(case: &Case<'_>) {
    let failing = Probe::new(case, "example/failing").detect("exit 100");
    let (second, third) = (
        Probe::new(case, "example/second"),
        Probe::new(case, "example/third"),
    );
    let flow = Flow::new(case);
    flow.order(&[&[&failing], &[&second], &[&third]]);
    flow.until_detect();
    case.equal(
        "P-DETECT-002 B-DETIF-009",
        members(&flow),
        ["example/second"],
    );
    case.equal(
        "B-DETECT-002",
        order_of_runs(&flow.stage),
        ["detect example/failing", "detect example/second"],
    );
}

fn detection_fails_with_20_when_nothing_passes(case: &Case<'_>) {
    let flow = Flow::with(
        case,
        &[&Probe::new(case, "example/failing").detect("exit 100")],
    );
    flow.analyze(&[]).expect_code(0);
    case.exit(
        "P-EXIT-006 B-DETECT-004 B-DETIF-010",
        &flow.detect(&[]),
        20..=20,
    );
}

fn detection_fails_with_21_when_a_buildpack_errs(case: &Case<'_>) {
    for status in [1, 99, 101, 255] {
        let probe = Probe::new(case, "example/erring").detect(&format!("exit {status}"));
        let flow = Flow::with(case, &[&probe]);
        flow.analyze(&[]).expect_code(0);
        case.exit("P-EXIT-007 B-DETIF-011", &flow.detect(&[]), 21..=21);
    }
}
