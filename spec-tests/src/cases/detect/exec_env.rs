//! Execution environments.
use super::{given, ready, ready_with, selected};
use crate::{
    flow::Flow,
    probe::{Probe, order_of_runs},
    suite::Case,
    tests,
};

tests! {
    buildpacks_for_another_environment_are_skipped: ["P-DETECT-005"] .platform(15, 15);
    a_group_without_a_buildpack_for_the_environment_is_left_out: ["P-DETECT-006"] .platform(15, 15);
    any_name_is_an_environment: ["P-XENV-003"] .platform(15, 15);
    the_environment_is_production_when_none_is_given: [
        "P-DIN-005", "P-XENV-001", "B-XENV-003",
    ] .platform(15, 15);
    detect_is_told_the_environment: ["P-DIN-005", "B-XENV-001"] .platform(15, 15) .buildpack(12, 12);
    build_is_told_the_environment: ["B-XENV-002"] .platform(15, 15) .buildpack(12, 12);
    a_descriptor_lists_environments_by_name: ["B-FBP-010"] .platform(15, 15);
    a_listed_environment_has_a_name: ["B-FBP-011"] .platform(15, 15);
    a_member_of_a_composite_may_be_for_one_environment: ["B-ORDER-009"] .platform(15, 15);
}

/// The list that lifecycles take beside the specification's tables.
fn as_list(name: &str) -> String {
    format!("exec-env = [\"{name}\"]")
}

/// The specification's form.
fn as_tables(name: &str) -> String {
    format!("[[buildpack.exec-env]]\nname = \"{name}\"")
}

/// What detection selects in an environment, with the descriptors in each form that one can be written in.
///
/// `groups` makes the groups, given a buildpack that is only for `only` and one for every environment.
fn in_each_form(
    case: &Case<'_>,
    (environment, only): (&str, &str),
    groups: fn(&Probe, &Probe) -> Vec<Vec<String>>,
) -> Vec<(Vec<String>, Vec<String>)> {
    let forms: [fn(&str) -> String; 2] = [as_tables, as_list];
    let outcomes = forms.map(|form| {
        let limited = Probe::new(case, "example/limited").info(&form(only));
        let other = Probe::new(case, "example/other");
        let mut flow = ready(case);
        flow.install(&[&limited, &other]);
        flow.order_of(&groups(&limited, &other));
        flow.stage.set("CNB_EXEC_ENV", environment);
        let seen = flow.detect(&[]);
        if seen.code != 0 {
            return (Vec::new(), Vec::new());
        }
        let mut runs = order_of_runs(&flow.stage);
        runs.sort_unstable();
        (super::members(&flow), runs)
    });
    outcomes.into()
}

/// One of the forms of a descriptor has to lead to these members, of which each and nobody else has run.
fn expect(case: &Case<'_>, ids: &str, seen: &[(Vec<String>, Vec<String>)], members: &[&str]) {
    let runs: Vec<String> = members.iter().map(|id| format!("detect {id}")).collect();
    let holds = seen
        .iter()
        .any(|(group, ran)| group == members && *ran == runs);
    let expected = format!("the members {members:?}, and {runs:?}, in one of the forms");
    case.check(ids, holds, &expected, seen);
}

fn buildpacks_for_another_environment_are_skipped(case: &Case<'_>) {
    let seen = in_each_form(case, ("test", "production"), |limited, other| {
        vec![vec![limited.entry(), other.entry()]]
    });
    expect(case, "P-DETECT-005", &seen, &["example/other"]);
}

fn a_group_without_a_buildpack_for_the_environment_is_left_out(case: &Case<'_>) {
    let seen = in_each_form(case, ("test", "production"), |limited, other| {
        vec![vec![limited.entry()], vec![other.entry()]]
    });
    expect(case, "P-DETECT-006", &seen, &["example/other"]);
}

fn any_name_is_an_environment(case: &Case<'_>) {
    let seen = in_each_form(case, ("staging", "staging"), |limited, other| {
        vec![vec![limited.entry(), other.entry()]]
    });
    expect(
        case,
        "P-XENV-003",
        &seen,
        &["example/limited", "example/other"],
    );
}

fn the_environment_is_production_when_none_is_given(case: &Case<'_>) {
    let probes = [as_tables, as_list].map(|form: fn(&str) -> String| {
        let probe = Probe::new(case, "example/probe").info(&form("production"));
        let flow = ready_with(case, &[&probe]);
        let code = flow.detect(&[]).code;
        (code, probe.record(&flow.stage, "detect"))
    });
    let record = probes
        .iter()
        .find_map(|(code, record)| record.as_ref().filter(|_| *code == 0));
    let told = record.map(|record| record.var("CNB_EXEC_ENV").unwrap_or("production"));
    case.equal("P-DIN-005 P-XENV-001 B-XENV-003", told, Some("production"));
}

fn detect_is_told_the_environment(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe");
    let mut flow = ready_with(case, &[&probe]);
    flow.stage.set("CNB_EXEC_ENV", "test");
    flow.detect(&[]).expect_code(0);
    case.equal(
        "P-DIN-005 B-XENV-001",
        given(&flow, &probe).var("CNB_EXEC_ENV"),
        Some("test"),
    );
}

fn build_is_told_the_environment(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe");
    let mut flow = ready_with(case, &[&probe]);
    flow.stage.set("CNB_EXEC_ENV", "test");
    flow.detect(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    let record = probe.record(&flow.stage, "build");
    case.equal(
        "B-XENV-002",
        record
            .as_ref()
            .and_then(|record| record.var("CNB_EXEC_ENV")),
        Some("test"),
    );
}

fn a_descriptor_lists_environments_by_name(case: &Case<'_>) {
    let names = format!("{}\n{}", as_tables("test"), as_tables("staging"));
    let limited = Probe::new(case, "example/limited").info(&names);
    let other = Probe::new(case, "example/other");
    let selected_in = |environment: &str| {
        let mut flow = ready_with(case, &[&limited, &other]);
        flow.stage.set("CNB_EXEC_ENV", environment);
        selected(&flow)
    };
    for environment in ["test", "staging"] {
        case.equal(
            "B-FBP-010",
            selected_in(environment),
            ["example/limited", "example/other"],
        );
    }
    case.equal("B-FBP-010", selected_in("development"), ["example/other"]);
}

fn a_listed_environment_has_a_name(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe").info("[[buildpack.exec-env]]\nnam = \"test\"");
    let mut flow = ready_with(case, &[&probe]);
    flow.stage.set("CNB_EXEC_ENV", "test");
    case.fails("B-FBP-011", &flow.detect(&[]));
}

/// A composite buildpack of one member for this environment and one for every environment.
pub fn composite_for<'a>(case: &'a Case<'a>, environment: &str) -> Flow<'a> {
    let (limited, other) = (
        Probe::new(case, "example/limited"),
        Probe::new(case, "example/other"),
    );
    let entry = limited
        .entry()
        .replace('}', &format!(", exec-env = [\"{environment}\"] }}"));
    let composite = super::order::composite(case, "example/both", &[vec![entry, other.entry()]]);
    let mut flow = ready(case);
    flow.install(&[&limited, &other]);
    flow.order(&[&[&composite]]);
    flow.stage.set("CNB_EXEC_ENV", "test");
    flow
}

fn a_member_of_a_composite_may_be_for_one_environment(case: &Case<'_>) {
    case.equal(
        "B-ORDER-009",
        selected(&composite_for(case, "test")),
        ["example/limited", "example/other"],
    );
}
