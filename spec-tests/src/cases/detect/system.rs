//! System buildpacks.
use super::{failing, members, ready, selected};
use crate::{
    flow::Flow,
    probe::{Probe, order_of_runs},
    suite::Case,
    tests,
};

tests! {
    system_buildpacks_stand_around_every_group: [
        "P-DETECT-007", "P-DETECT-009", "P-FSYS-001", "P-FSYS-002",
    ] .platform(15, 15);
    a_group_keeps_its_own_version_of_a_system_buildpack: ["P-DETECT-008", "P-DETECT-010"] .platform(15, 15);
    system_buildpacks_are_optional_to_name: ["P-DETECT-011"] .platform(15, 15);
    system_buildpacks_are_named_by_id_and_version: ["P-FSYS-003"] .platform(15, 15);
    system_buildpacks_are_required_unless_optional: ["P-FSYS-004"] .platform(15, 15);
    there_are_no_system_buildpacks_before: ["P-DETECT-002"] .platform(7, 14);
}

/// Writes `/cnb/system.toml` with these entries before and after every group.
pub fn write_system(flow: &Flow<'_>, before: &[String], after: &[String]) {
    let mut text = String::new();
    for (place, entries) in [("pre", before), ("post", after)] {
        for entry in entries {
            let lines = entry.trim_matches(['{', '}', ' ']).replace(", ", "\n");
            text += &format!("[[system.{place}.buildpacks]]\n{lines}\n");
        }
    }
    flow.stage.write("cnb/system.toml", &text);
}

fn system_buildpacks_stand_around_every_group(case: &Case<'_>) {
    let (first, last) = (
        Probe::new(case, "system/first"),
        Probe::new(case, "system/last"),
    );
    let (out, inside) = (failing(case, "example/out"), Probe::new(case, "example/in"));
    let flow = ready(case);
    flow.order(&[&[&out], &[&inside]]);
    flow.install(&[&first, &last]);
    write_system(&flow, &[first.entry()], &[last.entry()]);
    case.equal(
        "P-DETECT-007 P-DETECT-009 P-FSYS-001 P-FSYS-002",
        selected(&flow),
        ["system/first", "example/in", "system/last"],
    );
    let mut runs = order_of_runs(&flow.stage);
    runs.sort_unstable();
    runs.dedup();
    case.equal(
        "P-DETECT-007 P-DETECT-009",
        runs,
        [
            "detect example/in",
            "detect example/out",
            "detect system/first",
            "detect system/last",
        ],
    );
}

fn a_group_keeps_its_own_version_of_a_system_buildpack(case: &Case<'_>) {
    let [system, own] =
        ["1.0.0", "2.0.0"].map(|version| Probe::new(case, "example/shared").version(version));
    let (first, last) = (
        Probe::new(case, "example/first"),
        Probe::new(case, "example/last"),
    );
    for (ids, before, after) in [
        ("P-DETECT-008", vec![system.entry()], Vec::new()),
        ("P-DETECT-010", Vec::new(), vec![system.entry()]),
    ] {
        let flow = ready(case);
        flow.order(&[&[&first, &own, &last]]);
        flow.install(&[&system]);
        write_system(&flow, &before, &after);
        case.equal(
            ids,
            selected(&flow),
            ["example/first", "example/shared", "example/last"],
        );
        let group = flow.layers_toml("group.toml");
        case.equal(ids, group["group"][1]["version"].as_str(), Some("2.0.0"));
    }
}

fn system_buildpacks_are_optional_to_name(case: &Case<'_>) {
    let probe = Probe::new(case, "example/a");
    let flow = ready(case);
    flow.order(&[&[&probe]]);
    case.equal("P-DETECT-011", selected(&flow), ["example/a"]);
    flow.stage.write("cnb/system.toml", "");
    case.equal("P-DETECT-011", selected(&flow), ["example/a"]);
}

fn system_buildpacks_are_named_by_id_and_version(case: &Case<'_>) {
    let [one, two] =
        ["1.0.0", "2.0.0"].map(|version| Probe::new(case, "system/a").version(version));
    let member = Probe::new(case, "example/a");
    let flow = ready(case);
    flow.order(&[&[&member]]);
    flow.install(&[&one, &two]);
    write_system(&flow, &[two.entry()], &[]);
    case.equal("P-FSYS-003", selected(&flow), ["system/a", "example/a"]);
    let group = flow.layers_toml("group.toml");
    case.equal(
        "P-FSYS-003",
        group["group"][0]["version"].as_str(),
        Some("2.0.0"),
    );
    for entry in ["id = \"system/a\"", "version = \"2.0.0\""] {
        write_system(&flow, &[entry.to_owned()], &[]);
        case.fails("P-FSYS-003", &flow.detect(&[]));
    }
}

fn system_buildpacks_are_required_unless_optional(case: &Case<'_>) {
    let (out, member) = (failing(case, "system/out"), Probe::new(case, "example/a"));
    for (before, after) in [
        (vec![out.entry()], Vec::new()),
        (Vec::new(), vec![out.entry()]),
    ] {
        let flow = ready(case);
        flow.order(&[&[&member]]);
        flow.install(&[&out]);
        write_system(&flow, &before, &after);
        case.fails("P-FSYS-004", &flow.detect(&[]));
    }
}

fn there_are_no_system_buildpacks_before(case: &Case<'_>) {
    let (first, member) = (
        Probe::new(case, "system/first"),
        Probe::new(case, "example/a"),
    );
    let flow = ready(case);
    flow.order(&[&[&member]]);
    flow.install(&[&first]);
    write_system(&flow, &[first.entry()], &[]);
    flow.detect(&[]).expect_code(0);
    case.equal("P-DETECT-002", members(&flow), ["example/a"]);
}
