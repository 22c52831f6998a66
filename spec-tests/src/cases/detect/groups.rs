//! Which group is selected.
use super::{failing, given, ready, ready_with, selected};
use crate::{
    probe::{Probe, order_of_runs},
    suite::Case,
    tests,
};
use std::collections::BTreeMap;

tests! {
    the_first_passing_group_wins: ["B-DETECT-002", "P-DETECT-002", "B-DETIF-009"];
    every_member_of_a_group_is_asked: ["B-DETECT-001"] .each_buildpack();
    a_failing_or_erring_member_fails_its_group: ["B-DETECT-003", "B-DETIF-010"] .each_buildpack();
    optional_members_may_fail: ["B-DETECT-005", "B-DETECT-007", "B-DETECT-008", "B-DETECT-009"] .each_buildpack();
    a_group_of_optional_members_needs_one_that_passes: ["B-DETECT-006", "B-DETECT-007"] .each_buildpack();
    members_keep_their_order_whoever_is_first_to_finish: ["B-DETECT-009", "B-DETECT-010"];
    members_run_in_one_build_environment: ["B-DETECT-011"] .each_buildpack();
    detection_fails_with_20_when_nothing_passes: ["P-EXIT-006", "B-DETECT-004", "B-DETIF-010"];
    detection_fails_with_21_when_a_buildpack_errs: ["P-EXIT-007", "B-DETIF-011"] .each_of_both();
}

fn the_first_passing_group_wins(case: &Case<'_>) {
    let first = failing(case, "example/failing");
    let (second, third) = (
        Probe::new(case, "example/second"),
        Probe::new(case, "example/third"),
    );
    let flow = ready(case);
    flow.order(&[&[&first], &[&second], &[&third]]);
    case.equal(
        "P-DETECT-002 B-DETIF-009",
        selected(&flow),
        ["example/second"],
    );
    case.equal(
        "B-DETECT-002",
        order_of_runs(&flow.stage),
        ["detect example/failing", "detect example/second"],
    );
}

fn every_member_of_a_group_is_asked(case: &Case<'_>) {
    let probes = ["example/a", "example/b", "example/c"].map(|id| Probe::new(case, id));
    let flow = ready_with(case, &probes.each_ref());
    flow.detect(&[]).expect_code(0);
    let runs = probes.each_ref().map(|probe| given(&flow, probe).runs);
    case.equal("B-DETECT-001", runs, [1, 1, 1]);
}

fn a_failing_or_erring_member_fails_its_group(case: &Case<'_>) {
    for (ids, script) in [
        ("B-DETECT-003 B-DETIF-010", "exit 100"),
        ("B-DETECT-003", "exit 1"),
        ("B-DETECT-003", "kill -9 $$"),
    ] {
        let bad = Probe::new(case, "example/bad").detect(script);
        let (good, other) = (
            Probe::new(case, "example/good"),
            Probe::new(case, "example/other"),
        );
        let flow = ready(case);
        flow.order(&[&[&good, &bad], &[&other]]);
        case.equal(ids, selected(&flow), ["example/other"]);
    }
}

fn optional_members_may_fail(case: &Case<'_>) {
    let (first, last) = (
        Probe::new(case, "example/first"),
        Probe::new(case, "example/last"),
    );
    let fails = failing(case, "example/fails");
    let errs = Probe::new(case, "example/errs").detect("exit 1");
    let passes = Probe::new(case, "example/passes");
    let flow = ready(case);
    flow.install(&[&first, &fails, &errs, &passes, &last]);
    flow.order_of(&[vec![
        first.entry(),
        fails.optional(),
        errs.optional(),
        passes.optional(),
        last.entry(),
    ]]);
    case.equal(
        "B-DETECT-005 B-DETECT-007 B-DETECT-008 B-DETECT-009",
        selected(&flow),
        ["example/first", "example/passes", "example/last"],
    );
}

fn a_group_of_optional_members_needs_one_that_passes(case: &Case<'_>) {
    let (a, b) = (failing(case, "example/a"), failing(case, "example/b"));
    let other = Probe::new(case, "example/other");
    let flow = ready(case);
    flow.install(&[&a, &b, &other]);
    flow.order_of(&[vec![a.optional(), b.optional()], vec![other.entry()]]);
    case.equal("B-DETECT-006", selected(&flow), ["example/other"]);

    flow.order_of(&[vec![a.optional(), other.optional()]]);
    case.equal("B-DETECT-007", selected(&flow), ["example/other"]);
}

/// The first member is slow where the second runs beside it: it looks for its trace for a while.
fn members_keep_their_order_whoever_is_first_to_finish(case: &Case<'_>) {
    let slow = Probe::new(case, "example/slow").detect(
        "i=0\nwhile [ $i -lt 20000 ] && [ ! -e /record/detect/example_quick/runs ]; do i=$((i+1)); done",
    );
    let quick = Probe::new(case, "example/quick");
    let flow = ready_with(case, &[&slow, &quick]);
    case.equal(
        "B-DETECT-009 B-DETECT-010",
        selected(&flow),
        ["example/slow", "example/quick"],
    );
    let runs = [&slow, &quick].map(|probe| given(&flow, probe).runs);
    case.equal("B-DETECT-010", runs, [1, 1]);
}

fn members_run_in_one_build_environment(case: &Case<'_>) {
    let look = "{ uname -a; cat /etc/os-release; ls -l /cnb /workspace; } > \"$R/machine\"";
    let probes = ["example/a", "example/b"].map(|id| Probe::new(case, id).detect(look));
    let flow = ready_with(case, &probes.each_ref());
    flow.stage.write("platform/env/FROM_USER", "value");
    flow.detect(&[]).expect_code(0);
    let [a, b] = probes.each_ref().map(|probe| {
        let record = given(&flow, probe);
        let own = ["CNB_BUILDPACK_DIR", "CNB_BUILD_PLAN_PATH"];
        let common: BTreeMap<String, String> = record
            .env
            .into_iter()
            .filter(|(name, _)| !own.contains(&name.as_str()))
            .collect();
        (common, record.cwd, record.uid, record.gid, record.umask)
    });
    case.equal("B-DETECT-011", a, b);
    let machine = |id: &str| {
        crate::read(
            &flow
                .stage
                .path(&format!("record/detect/example_{id}/machine")),
        )
    };
    case.equal("B-DETECT-011", machine("a"), machine("b"));
}

fn detection_fails_with_20_when_nothing_passes(case: &Case<'_>) {
    let flow = ready(case);
    let (a, b) = (failing(case, "example/a"), failing(case, "example/b"));
    flow.order(&[&[&a], &[&b]]);
    let outcome = flow.detect(&[]);
    case.exit("P-EXIT-006 B-DETECT-004 B-DETIF-010", &outcome, 20..=20);
}

fn detection_fails_with_21_when_a_buildpack_errs(case: &Case<'_>) {
    for status in [1, 99, 101, 255] {
        let probe = Probe::new(case, "example/erring").detect(&format!("exit {status}"));
        let flow = ready_with(case, &[&probe]);
        case.exit("P-EXIT-007 B-DETIF-011", &flow.detect(&[]), 21..=21);
    }
}
