//! `group.toml` and `plan.toml`.
use super::{failing, ready, ready_with};
use crate::{flow::Flow, probe::Probe, suite::Case, tests, toml_of};
use serde_json::json;

tests! {
    the_group_says_which_buildpacks: ["P-DETECT-002", "P-FGRP-001"] .each_of_both();
    the_group_may_say_where_a_buildpack_is_at_home: ["P-FGRP-002", "B-FBP-014"] .each_of_both();
    homepages_are_in_the_build_label: ["B-FBP-014"];
    a_plan_may_be_empty: ["P-FPLAN-001", "P-DETECT-003"] .each_of_both();
    the_plan_says_who_provides_what_for_whom: [
        "P-DETECT-003", "P-FPLAN-002", "P-FPLAN-005", "P-FPLAN-006", "P-FPLAN-007",
    ] .each_of_both();
    a_provider_is_a_buildpack_unless_it_says_otherwise: ["P-FPLAN-004"] .platform(10, 15);
}

/// A key of every member of `group.toml`.
fn of_members(flow: &Flow<'_>, key: &str) -> Vec<Option<String>> {
    let group = flow.layers_toml("group.toml");
    let list = group["group"].as_array().expect("group.toml has a group");
    list.iter()
        .map(|member| Some(member.get(key)?.as_str()?.to_owned()))
        .collect()
}

fn texts(list: &[&str]) -> Vec<Option<String>> {
    list.iter().map(|text| Some((*text).to_owned())).collect()
}

fn the_group_says_which_buildpacks(case: &Case<'_>) {
    let out = failing(case, "example/out");
    let a = Probe::new(case, "example/a").version("1.2.3");
    let b = Probe::new(case, "example/b")
        .version("0.10.0")
        .api("0.7")
        .targets("[[stacks]]\nid = \"*\"");
    let flow = ready(case);
    flow.order(&[&[&out], &[&a, &b]]);
    flow.detect(&[]).expect_code(0);
    let ids = "P-DETECT-002 P-FGRP-001";
    case.equal(
        ids,
        of_members(&flow, "id"),
        texts(&["example/a", "example/b"]),
    );
    case.equal(
        ids,
        of_members(&flow, "version"),
        texts(&["1.2.3", "0.10.0"]),
    );
    let api = case.buildpack_api();
    case.equal(
        "P-FGRP-001",
        of_members(&flow, "api"),
        texts(&[&api, "0.7"]),
    );
}

fn the_group_may_say_where_a_buildpack_is_at_home(case: &Case<'_>) {
    let page = "https://example.com/a?b=<c>&d";
    let a = Probe::new(case, "example/a").info(&format!("homepage = \"{page}\""));
    let b = Probe::new(case, "example/b");
    let flow = ready_with(case, &[&a, &b]);
    flow.detect(&[]).expect_code(0);
    let seen: Vec<String> = of_members(&flow, "homepage")
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect();
    case.equal("P-FGRP-002 B-FBP-014", seen, [page, ""]);
}

fn homepages_are_in_the_build_label(case: &Case<'_>) {
    let page = "https://example.com/a";
    let probe = Probe::new(case, "example/a").info(&format!("homepage = \"{page}\""));
    let image = Flow::with(case, &[&probe]).whole();
    let label = image.json_label("io.buildpacks.build.metadata");
    case.equal(
        "B-FBP-014",
        &label["buildpacks"][0]["homepage"],
        &json!(page),
    );
}

fn a_plan_may_be_empty(case: &Case<'_>) {
    let probe = Probe::new(case, "example/a");
    let flow = ready_with(case, &[&probe]);
    flow.detect(&[]).expect_code(0);
    let plan = toml_of(&flow.stage.path("layers/plan.toml"));
    let entries = plan.get("entries").and_then(toml::Value::as_array);
    case.equal("P-FPLAN-001 P-DETECT-003", entries.map_or(0, Vec::len), 0);
    case.succeeds("P-FPLAN-001", &flow.build(&[]));
}

/// One entry of the plan: providers, and requirements with their metadata.
fn entry<'a>(plan: &'a toml::Table, name: &str) -> Option<&'a toml::Value> {
    plan["entries"]
        .as_array()?
        .iter()
        .find(|entry| entry["requires"][0]["name"].as_str() == Some(name))
}

fn the_plan_says_who_provides_what_for_whom(case: &Case<'_>) {
    let metadata = "text = \"a\"\nnumber = 7\nfraction = 7.5\nwhen = 2024-02-29T12:00:00Z\nlist = [1, 2]\n\
                    deep = { deeper = [{ name = \"x\" }, { name = \"y\" }] }";
    let a = Probe::new(case, "example/a").plan("provides = [{ name = \"x\" }, { name = \"y\" }]");
    let b = Probe::new(case, "example/b").plan(&format!(
        "[[requires]]\nname = \"y\"\n[[requires]]\nname = \"x\"\n[requires.metadata]\n{metadata}\n"
    ));
    let c =
        Probe::new(case, "example/c").plan("[[requires]]\nname = \"x\"\nmetadata = { by = \"c\" }");
    let flow = ready_with(case, &[&a, &b, &c]);
    flow.detect(&[]).expect_code(0);
    let plan = flow.layers_toml("plan.toml");
    let entries = plan["entries"].as_array().expect("entries are a list");
    case.equal("P-DETECT-003 P-FPLAN-006", entries.len(), 2);
    for (name, by) in [("x", 2), ("y", 1)] {
        let entry = entry(&plan, name);
        let providers = entry.and_then(|entry| entry["providers"].as_array());
        let seen: Vec<[Option<&str>; 2]> = providers
            .into_iter()
            .flatten()
            .map(|one| ["id", "version"].map(|key| one[key].as_str()))
            .collect();
        case.equal(
            "P-DETECT-003 P-FPLAN-002",
            seen,
            [[Some("example/a"), Some("1.0")]],
        );
        let requires = entry.and_then(|entry| entry["requires"].as_array());
        let names: Vec<Option<&str>> = requires
            .into_iter()
            .flatten()
            .map(|one| one["name"].as_str())
            .collect();
        case.equal("P-FPLAN-005 P-FPLAN-006", names, vec![Some(name); by]);
    }
    let expected: toml::Table = metadata.parse().expect("parse metadata");
    let requires = entry(&plan, "x").map(|entry| &entry["requires"]);
    let kept = requires
        .into_iter()
        .flat_map(|list| list.as_array().into_iter().flatten());
    let kept: Vec<&toml::Table> = kept.filter_map(|one| one["metadata"].as_table()).collect();
    case.check(
        "P-FPLAN-007",
        kept.contains(&&expected),
        "metadata as the buildpack wrote them",
        &kept,
    );
}

fn a_provider_is_a_buildpack_unless_it_says_otherwise(case: &Case<'_>) {
    let probe = Probe::new(case, "example/a").build("cp \"$PLAN\" \"$R/plan\"");
    let flow = ready_with(case, &[&probe]);
    flow.detect(&[]).expect_code(0);
    flow.stage.write(
        "layers/plan.toml",
        "[[entries]]\nproviders = [{ id = \"example/a\", version = \"1.0\" }]\nrequires = [{ name = \"x\" }]\n",
    );
    flow.build(&[]).expect_code(0);
    let plan = toml_of(&flow.stage.path("record/build/example_a/plan"));
    case.equal(
        "P-FPLAN-004",
        plan["entries"][0]["name"].as_str(),
        Some("x"),
    );
}
