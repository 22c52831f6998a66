//! Which build plan is resolved, and who stays in the group.
use super::{given, ready, ready_with};
use crate::{flow::Flow, probe::Probe, suite::Case, tests, toml_of};
use std::collections::BTreeMap;

tests! {
    provisions_and_requirements_meet: ["B-PLAN-001", "B-FPLAN-001"] .each_of_both();
    every_alternative_is_a_candidate: ["B-PLAN-002", "B-FPLAN-001"] .each_of_both();
    the_first_trial_that_succeeds_wins: ["B-PLAN-003", "B-PLAN-004"] .each_buildpack();
    a_group_without_a_successful_trial_fails: ["B-PLAN-005"] .each_buildpack();
    a_provision_needs_a_requirement_at_or_behind_it: ["B-PLAN-006"] .each_buildpack();
    a_requirement_needs_a_provision_at_or_before_it: ["B-PLAN-007"] .each_buildpack();
    a_buildpack_may_meet_its_own_requirement: ["B-PLAN-008"] .each_buildpack();
    an_optional_buildpack_with_an_unused_provision_is_dropped: ["B-PLAN-009"] .each_buildpack();
    an_optional_buildpack_with_an_unmet_requirement_is_dropped: ["B-PLAN-010"] .each_buildpack();
    dropping_one_buildpack_may_drop_others: ["B-PLAN-011"] .each_buildpack();
    several_may_require_the_same: ["B-PLAN-012"] .each_buildpack();
    several_may_provide_the_same: ["B-PLAN-013"] .each_buildpack();
    metadata_reach_the_buildpack_plan: ["B-FPLAN-002", "B-FPLAN-003"] .each_of_both();
    a_version_becomes_metadata: ["B-FPLAN-004"] .buildpack(7, 10) .each_of_both();
    a_version_in_both_places_is_an_error: ["B-FPLAN-005"] .buildpack(7, 10) .each_of_both();
}

/// Members of the selected group, and who provides and requires each name; `None` when no group is selected.
type Outcome = Option<(Vec<String>, BTreeMap<String, (Vec<String>, Vec<String>)>)>;

/// A build plan in short: `+x` provides, `-x` requires, and `|` begins an alternative. Who requires is in the metadata.
fn build_plan(id: &str, short: &str) -> String {
    let mut text = String::new();
    for (number, section) in short.split('|').enumerate() {
        let table = if number == 0 { "" } else { "or." };
        if number > 0 {
            text += "[[or]]\n";
        }
        for word in section.split_whitespace() {
            let (sign, name) = word.split_at(1);
            text += &match sign {
                "+" => format!("[[{table}provides]]\nname = \"{name}\"\n"),
                _ => format!(
                    "[[{table}requires]]\nname = \"{name}\"\n[{table}requires.metadata]\nby = \"{id}\"\n"
                ),
            };
        }
    }
    text
}

/// Detection of one group; each member is `<name>` or, optional, `<name>?`, with its build plan in short.
pub fn resolve(case: &Case<'_>, group: &[(&str, &str)]) -> Outcome {
    let flow = ready(case);
    let entries = group
        .iter()
        .map(|(name, short)| {
            let id = name.trim_end_matches('?');
            let probe = Probe::new(case, id).plan(&build_plan(id, short));
            probe.install(&flow.stage);
            if name.ends_with('?') {
                probe.optional()
            } else {
                probe.entry()
            }
        })
        .collect();
    flow.order_of(&[entries]);
    let outcome = flow.detect(&[]);
    match outcome.code {
        0 => Some((super::members(&flow), entries_of(&flow))),
        20 => None,
        _ => {
            outcome.expect_code(0);
            None
        }
    }
}

/// The entries of `plan.toml`, whose order says nothing.
fn entries_of(flow: &Flow<'_>) -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    let plan = flow.layers_toml("plan.toml");
    let entries = plan.get("entries").and_then(toml::Value::as_array);
    let list = |value: &toml::Value, text: fn(&toml::Value) -> Option<&str>| {
        let mut list: Vec<String> = value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| text(item).map(str::to_owned))
            .collect();
        list.sort();
        list.dedup();
        list
    };
    entries
        .into_iter()
        .flatten()
        .map(|entry| {
            let name = entry["requires"][0]["name"].as_str().unwrap_or_default();
            let providers = list(&entry["providers"], |one| one["id"].as_str());
            let requirers = list(&entry["requires"], |one| one["metadata"]["by"].as_str());
            (name.to_owned(), (providers, requirers))
        })
        .collect()
}

/// An expected [`Outcome`]: members as words, and entries as `(name, providers, requirers)`.
pub fn outcome(members: &str, entries: &[(&str, &str, &str)]) -> Outcome {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    let entries = entries
        .iter()
        .map(|(name, providers, requirers)| {
            ((*name).to_owned(), (words(providers), words(requirers)))
        })
        .collect();
    Some((words(members), entries))
}

fn provisions_and_requirements_meet(case: &Case<'_>) {
    case.equal(
        "B-PLAN-001 B-FPLAN-001",
        resolve(case, &[("a", "+x +y"), ("b", "-x"), ("c", "-y")]),
        outcome("a b c", &[("x", "a", "b"), ("y", "a", "c")]),
    );
    case.equal(
        "B-PLAN-001",
        resolve(case, &[("a", "+x"), ("b", "-y")]),
        None,
    );
}

fn every_alternative_is_a_candidate(case: &Case<'_>) {
    for b in ["-y | -x", "-y | -z | -x", "-y | -x | -z"] {
        case.equal(
            "B-PLAN-002 B-FPLAN-001",
            resolve(case, &[("a", "+x"), ("b", b)]),
            outcome("a b", &[("x", "a", "b")]),
        );
    }
    case.equal(
        "B-PLAN-002",
        resolve(case, &[("a", "+y | +x"), ("b", "-x")]),
        outcome("a b", &[("x", "a", "b")]),
    );
}

/// With two candidates each, the trials are 1-1, 1-2, 2-1 and 2-2.
fn the_first_trial_that_succeeds_wins(case: &Case<'_>) {
    let trials = [
        // 1-1 before all others.
        ("+x | +y", "-x | -y", "x"),
        // 1-2 before 2-1.
        ("+x | +y", "-y | -x", "x"),
        // 2-1 when nothing with 1 succeeds.
        ("+v | +y", "-y | -w", "y"),
        // 2-2 when all others fail.
        ("+v | +y", "-w | -y", "y"),
    ];
    for (a, b, name) in trials {
        case.equal(
            "B-PLAN-003 B-PLAN-004",
            resolve(case, &[("a", a), ("b", b)]),
            outcome("a b", &[(name, "a", "b")]),
        );
    }
}

fn a_group_without_a_successful_trial_fails(case: &Case<'_>) {
    let a = Probe::new(case, "example/a").plan(&build_plan("example/a", "+x | +y"));
    let b = Probe::new(case, "example/b").plan(&build_plan("example/b", "-v | -w"));
    let other = Probe::new(case, "example/other");
    let flow = ready(case);
    flow.order(&[&[&a, &b], &[&other]]);
    case.equal("B-PLAN-005", super::selected(&flow), ["example/other"]);
    flow.order(&[&[&a, &b]]);
    case.fails("B-PLAN-005", &flow.detect(&[]));
}

fn a_provision_needs_a_requirement_at_or_behind_it(case: &Case<'_>) {
    let ids = "B-PLAN-006";
    case.equal(ids, resolve(case, &[("a", ""), ("b", "+x")]), None);
    case.equal(ids, resolve(case, &[("a", "+x -x"), ("b", "+x")]), None);
    case.equal(
        ids,
        resolve(case, &[("a", "+x"), ("b", "-x")]),
        outcome("a b", &[("x", "a", "b")]),
    );
}

fn a_requirement_needs_a_provision_at_or_before_it(case: &Case<'_>) {
    let ids = "B-PLAN-007";
    case.equal(ids, resolve(case, &[("a", ""), ("b", "-x")]), None);
    case.equal(ids, resolve(case, &[("a", "-x"), ("b", "+x -x")]), None);
}

fn a_buildpack_may_meet_its_own_requirement(case: &Case<'_>) {
    case.equal(
        "B-PLAN-008",
        resolve(case, &[("a", "+x -x")]),
        outcome("a", &[("x", "a", "a")]),
    );
}

fn an_optional_buildpack_with_an_unused_provision_is_dropped(case: &Case<'_>) {
    case.equal(
        "B-PLAN-009",
        resolve(case, &[("a", "+x"), ("b?", "+y -x"), ("c", "-x")]),
        outcome("a c", &[("x", "a", "c")]),
    );
}

fn an_optional_buildpack_with_an_unmet_requirement_is_dropped(case: &Case<'_>) {
    case.equal(
        "B-PLAN-010",
        resolve(case, &[("a", "+x"), ("b?", "-y -x"), ("c", "-x")]),
        outcome("a c", &[("x", "a", "c")]),
    );
}

fn dropping_one_buildpack_may_drop_others(case: &Case<'_>) {
    // `a` goes for want of `w`; so `b` and then `c` have no provider.
    case.equal(
        "B-PLAN-011",
        resolve(
            case,
            &[("a?", "-w +x"), ("b?", "-x +y"), ("c?", "-y"), ("d", "")],
        ),
        outcome("d", &[]),
    );
    // A required member that relied on the dropped one fails the trial.
    case.equal(
        "B-PLAN-011",
        resolve(case, &[("a?", "-w +x"), ("b", "-x")]),
        None,
    );
    // The other way round: `c` goes for want of `w`, then nobody requires what `a` and `b` provide.
    case.equal(
        "B-PLAN-011",
        resolve(
            case,
            &[("a?", "+x"), ("b?", "-x +y"), ("c?", "-y -w"), ("d", "")],
        ),
        outcome("d", &[]),
    );
}

fn several_may_require_the_same(case: &Case<'_>) {
    case.equal(
        "B-PLAN-012",
        resolve(case, &[("a", "+x"), ("b", "-x"), ("c", "-x")]),
        outcome("a b c", &[("x", "a", "b c")]),
    );
}

fn several_may_provide_the_same(case: &Case<'_>) {
    case.equal(
        "B-PLAN-013",
        resolve(case, &[("a", "+x"), ("b", "+x"), ("c", "-x")]),
        outcome("a b c", &[("x", "a b", "c")]),
    );
}

/// What the only buildpack, which meets its own requirements, reads as its buildpack plan in `bin/build`.
fn buildpack_plan(case: &Case<'_>, build_plan: &str) -> toml::Table {
    let probe = Probe::new(case, "example/probe")
        .plan(build_plan)
        .build("cp \"$PLAN\" \"$R/plan\"");
    let flow = ready_with(case, &[&probe]);
    flow.detect(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    toml_of(&flow.stage.path("record/build/example_probe/plan"))
}

fn metadata_reach_the_buildpack_plan(case: &Case<'_>) {
    let metadata = "text = \"a \\\"b\\\"\"\nnumber = 7\nfraction = 7.5\nyes = true\nwhen = 2024-02-29T12:00:00Z\n\
                    list = [1, 2]\ndeep = { deeper = [{ name = \"x\" }] }";
    let plan = buildpack_plan(
        case,
        &format!(
            "[[provides]]\nname = \"x\"\n[[requires]]\nname = \"x\"\n[requires.metadata]\n{metadata}\n"
        ),
    );
    let entry = &plan["entries"][0];
    case.equal("B-FPLAN-003", entry["name"].as_str(), Some("x"));
    let expected: toml::Table = metadata.parse().expect("parse metadata");
    case.equal(
        "B-FPLAN-002 B-FPLAN-003",
        entry["metadata"].as_table(),
        Some(&expected),
    );
}

fn a_version_becomes_metadata(case: &Case<'_>) {
    let requires = "name = \"x\"\nversion = \"1.2\"\nmetadata = { other = \"kept\" }";
    let main = format!("[[provides]]\nname = \"x\"\n[[requires]]\n{requires}\n");
    let alternative = format!(
        "[[requires]]\nname = \"unmet\"\n[[or]]\n[[or.provides]]\nname = \"x\"\n[[or.requires]]\n{requires}\n"
    );
    for text in [main, alternative] {
        let plan = buildpack_plan(case, &text);
        let metadata = &plan["entries"][0]["metadata"];
        let seen = ["version", "other"].map(|key| metadata[key].as_str());
        case.equal("B-FPLAN-004", seen, [Some("1.2"), Some("kept")]);
    }
}

fn a_version_in_both_places_is_an_error(case: &Case<'_>) {
    let requires = "name = \"x\"\nversion = \"1.2\"\nmetadata = { version = \"1.2\" }";
    for text in [
        format!("[[provides]]\nname = \"x\"\n[[requires]]\n{requires}\n"),
        format!("[[or]]\n[[or.provides]]\nname = \"x\"\n[[or.requires]]\n{requires}\n"),
    ] {
        let probe = Probe::new(case, "example/probe").plan(&text);
        let flow = ready_with(case, &[&probe]);
        case.fails("B-FPLAN-005", &flow.detect(&[]));
        case.equal("B-FPLAN-005", given(&flow, &probe).runs, 1);
    }
}
