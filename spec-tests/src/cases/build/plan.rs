//! Which requirements a buildpack is given to meet, and which the next provider gets.
use super::{analyzed, ready};
use crate::{flow::Flow, probe::Probe, suite::Case, tests, toml_of};
use std::collections::BTreeSet;

tests! {
    a_plan_holds_every_requirement_of_what_is_provided: ["B-BUILD-005"] .each_of_both();
    unmet_requirements_go_to_the_next_provider: [
        "B-BUILD-010", "B-BUILD-011", "B-BUILD-012", "B-FBUILD-001",
    ] .each_of_both();
    what_is_met_goes_no_further: ["B-BUILD-010", "B-BUILD-012"] .each_of_both();
    an_unmet_name_must_be_in_the_plan: ["B-FBUILD-002"] .each_of_both();
}

/// Shell lines that keep the buildpack plan as `/record/plan-<name>`.
fn keep_plan(name: &str) -> String {
    format!("cp \"$PLAN\" /record/plan-{name}\n")
}

/// Entries of the plan that [`keep_plan`] kept.
fn entries(flow: &Flow<'_>, name: &str) -> Vec<toml::Value> {
    let plan = toml_of(&flow.stage.path(&format!("record/plan-{name}")));
    let entries = plan.get("entries").and_then(toml::Value::as_array);
    entries.cloned().unwrap_or_default()
}

/// Names of the entries.
fn names(flow: &Flow<'_>, name: &str) -> BTreeSet<String> {
    entries(flow, name)
        .iter()
        .filter_map(|entry| entry["name"].as_str().map(str::to_owned))
        .collect()
}

fn a_plan_holds_every_requirement_of_what_is_provided(case: &Case<'_>) {
    let requires =
        |from: &str| format!("[[requires]]\nname = \"dep\"\nmetadata = {{ from = \"{from}\" }}\n");
    let one = Probe::new(case, "example/one")
        .plan(&format!(
            "provides = [{{ name = \"dep\" }}]\n{}",
            requires("one")
        ))
        .build(&keep_plan("one"));
    let two = Probe::new(case, "example/two").plan(&requires("two"));
    let three = Probe::new(case, "example/three")
        .plan(&format!(
            "provides = [{{ name = \"other\" }}]\n{}[[requires]]\nname = \"other\"\n",
            requires("three")
        ))
        .build(&keep_plan("three"));
    let flow = Flow::with(case, &[&one, &two, &three]);
    let target = "os = \"linux\"\narch = \"amd64\"";
    flow.stage
        .write("layers/analyzed.toml", &analyzed(case, target));
    flow.detect(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    let seen: Vec<(String, String)> = entries(&flow, "one")
        .iter()
        .map(|entry| {
            let text = |value: &toml::Value| value.as_str().unwrap_or_default().to_owned();
            (text(&entry["name"]), text(&entry["metadata"]["from"]))
        })
        .collect();
    let expected = ["one", "two", "three"].map(|from| ("dep".to_owned(), from.to_owned()));
    case.equal(
        "B-BUILD-005",
        seen.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(expected),
    );
    case.equal(
        "B-BUILD-005",
        names(&flow, "three"),
        BTreeSet::from(["other".to_owned()]),
    );
}

/// A build of `a`, `b` and `c`, which all provide `x` and `y`; `unmet` is `a`'s `build.toml`.
fn with_providers<'a>(case: &'a Case<'a>, unmet: &str) -> Flow<'a> {
    let probes = ["a", "b", "c"].map(|id| {
        let mut script = keep_plan(id);
        if id == "a" {
            script += &super::put("$LAYERS/build.toml", unmet);
        }
        Probe::new(case, id).build(&script)
    });
    let flow = ready(case, &[&probes[0], &probes[1], &probes[2]]);
    let providers = ["a", "b", "c"].map(|id| format!("{{ id = \"{id}\", version = \"1.0\" }}"));
    let entry = |name: &str| {
        format!(
            "[[entries]]\nproviders = [{}]\nrequires = [{{ name = \"{name}\" }}]\n",
            providers.join(", ")
        )
    };
    flow.stage
        .write("layers/plan.toml", &(entry("x") + &entry("y")));
    flow
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn unmet_requirements_go_to_the_next_provider(case: &Case<'_>) {
    let flow = with_providers(case, "[[unmet]]\nname = \"x\"\n");
    flow.build(&[]).expect_code(0);
    case.equal("B-BUILD-011 B-FBUILD-001", names(&flow, "b"), set(&["x"]));
    case.equal("B-BUILD-010 B-BUILD-012", names(&flow, "c"), set(&[]));
}

fn what_is_met_goes_no_further(case: &Case<'_>) {
    let flow = with_providers(case, "");
    flow.build(&[]).expect_code(0);
    case.equal("B-BUILD-010", names(&flow, "a"), set(&["x", "y"]));
    case.equal("B-BUILD-010 B-BUILD-012", names(&flow, "b"), set(&[]));
    case.equal("B-BUILD-010 B-BUILD-012", names(&flow, "c"), set(&[]));
}

fn an_unmet_name_must_be_in_the_plan(case: &Case<'_>) {
    let flow = with_providers(case, "[[unmet]]\nname = \"z\"\n");
    case.fails("B-FBUILD-002", &flow.build(&[]));
}
