//! Stacks, before there were targets.
use super::{given, order::composite, ready, ready_with, selected};
use crate::{probe::Probe, suite::Case, tests};

tests! {
    a_buildpack_for_another_stack_fails: ["B-STACK-001"] .platform(7, 11) .buildpack(7, 9) .each_of_both();
    a_buildpack_may_be_for_any_stack: ["B-STACK-009", "B-STACK-010"] .each_of_both();
    the_stack_is_told: ["B-STACK-008"] .buildpack(7, 9) .each_of_both();
    a_composite_has_no_stacks: ["B-STACK-011"] .platform(7, 11) .buildpack(7, 9) .each_of_both();
}

/// `[[stacks]]` with these identifiers.
fn stacks(ids: &[&str]) -> String {
    let entries: Vec<String> = ids
        .iter()
        .map(|id| format!("[[stacks]]\nid = \"{id}\"\n"))
        .collect();
    entries.concat()
}

/// The stage's stack is `example.stack`.
fn a_buildpack_for_another_stack_fails(case: &Case<'_>) {
    let foreign = Probe::new(case, "example/foreign").targets(&stacks(&["other.stack"]));
    let own = Probe::new(case, "example/own").targets(&stacks(&["other.stack", "example.stack"]));
    let flow = ready(case);
    flow.order(&[&[&own, &foreign], &[&own]]);
    case.equal("B-STACK-001", selected(&flow), ["example/own"]);
    flow.order(&[&[&own, &foreign]]);
    case.fails("B-STACK-001", &flow.detect(&[]));
}

/// Such an entry stands alone, without mixins.
fn a_buildpack_may_be_for_any_stack(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe").targets(&stacks(&["*"]));
    let mut flow = ready_with(case, &[&probe]);
    for stack in ["example.stack", "io.buildpacks.stacks.jammy"] {
        flow.stage.set("CNB_STACK_ID", stack);
        case.equal(
            "B-STACK-009 B-STACK-010",
            selected(&flow),
            ["example/probe"],
        );
    }
}

fn the_stack_is_told(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe");
    let flow = ready_with(case, &[&probe]);
    flow.detect(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    let built = probe.record(&flow.stage, "build");
    let records = [Some(given(&flow, &probe)), built];
    let seen = records.each_ref().map(|record| {
        record
            .as_ref()
            .and_then(|record| record.var("CNB_STACK_ID"))
    });
    case.equal("B-STACK-008", seen, [Some("example.stack"); 2]);
}

/// Its components have to be for the stack, it itself names none.
fn a_composite_has_no_stacks(case: &Case<'_>) {
    let own = Probe::new(case, "example/own").targets(&stacks(&["example.stack"]));
    let o = composite(case, "example/o", &[vec![own.entry()]]);
    let flow = ready_with(case, &[&o]);
    own.install(&flow.stage);
    case.equal("B-STACK-011", selected(&flow), ["example/own"]);
}
