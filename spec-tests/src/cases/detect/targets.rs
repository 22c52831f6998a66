//! Targets: whether a buildpack is for the run image.
use super::{analyzed, debian, given, ready, ready_with, selected};
use crate::{
    flow::Flow,
    probe::Probe,
    recipe::{Recipe, architecture},
    suite::Case,
    tests,
};
use serde_json::json;

tests! {
    a_group_with_a_buildpack_for_another_target_fails: ["B-TARGET-001"]
        .platform(12, 15) .buildpack(10, 12) .each_of_both();
    a_target_matches_in_every_field: ["B-TARGET-002"] .platform(12, 15) .buildpack(10, 12) .each_of_both();
    a_target_matches_in_its_variant: ["B-TARGET-002"] .platform(12, 15) .buildpack(10, 12) .each_of_both();
    one_of_several_targets_is_enough: ["B-TARGET-001", "B-TARGET-002"]
        .platform(12, 15) .buildpack(10, 12) .each_of_both();
    an_absent_field_matches_anything: ["B-TARGET-003"] .platform(12, 15) .buildpack(10, 12) .each_of_both();
    a_linux_executable_means_linux: ["B-TARGET-004"] .platform(12, 15) .buildpack(10, 12) .each_of_both();
    a_windows_executable_means_windows: ["B-TARGET-005"] .platform(12, 15) .buildpack(10, 12) .each_of_both();
    the_stack_bionic_is_a_target: ["B-TARGET-006"] .platform(12, 15) .buildpack(10, 12) .each_of_both();
    any_stack_is_any_target: ["B-TARGET-007", "B-STACK-009"]
        .platform(12, 15) .buildpack(10, 12) .each_of_both();
    detect_is_told_the_target_of_the_run_image: ["P-DETECT-004"]
        .platform(12, 15) .buildpack(10, 12) .each_of_both();
}

const DEBIAN: &str = "[[targets.distros]]\nname = \"debian\"\nversion = \"12\"\n";

/// A target of `analyzed.toml`.
fn target(os: &str, arch: &str) -> String {
    format!("os = \"{os}\"\narch = \"{arch}\"\n")
}

/// A target of `buildpack.toml` with these lines.
fn supports(lines: &str) -> String {
    format!("[[targets]]\n{lines}\n")
}

/// Whether a group of this buildpack is selected on a run image with this target.
fn matches(case: &Case<'_>, probe: &Probe, run_image: &str) -> bool {
    let flow = ready_with(case, &[probe]);
    flow.stage
        .write("layers/analyzed.toml", &analyzed(case, run_image));
    is_selected(&flow)
}

fn is_selected(flow: &Flow<'_>) -> bool {
    let outcome = flow.detect(&[]);
    if !(20..30).contains(&outcome.code) {
        outcome.expect_code(0);
    }
    outcome.code == 0
}

/// The same for a buildpack with these lines in the place of its targets.
fn is_for(case: &Case<'_>, targets: &str, run_image: &str) -> bool {
    let probe = Probe::new(case, "example/probe").targets(targets);
    matches(case, &probe, run_image)
}

fn a_group_with_a_buildpack_for_another_target_fails(case: &Case<'_>) {
    let foreign = Probe::new(case, "example/foreign").targets(&supports("os = \"windows\""));
    let (own, other) = (
        Probe::new(case, "example/own"),
        Probe::new(case, "example/other"),
    );
    let flow = ready(case);
    flow.order(&[&[&own, &foreign], &[&other]]);
    case.equal("B-TARGET-001", selected(&flow), ["example/other"]);
    flow.order(&[&[&own, &foreign]]);
    case.fails("B-TARGET-001", &flow.detect(&[]));
}

fn a_target_matches_in_every_field(case: &Case<'_>) {
    let arch = architecture();
    let os_and_arch = format!("os = \"linux\"\narch = \"{arch}\"\n");
    let distro = |name: &str, version: &str| {
        format!("{os_and_arch}[[targets.distros]]\nname = \"{name}\"\nversion = \"{version}\"\n")
    };
    let rows = [
        (os_and_arch.clone(), true),
        (format!("os = \"windows\"\narch = \"{arch}\""), false),
        ("os = \"linux\"\narch = \"mips\"".to_owned(), false),
        (distro("debian", "12"), true),
        (distro("debian", "13"), false),
        (distro("ubuntu", "12"), false),
        (distro("ubuntu", "24.04") + DEBIAN, true),
    ];
    for (lines, expected) in rows {
        case.equal(
            "B-TARGET-002",
            (
                lines.as_str(),
                is_for(case, &supports(&lines), &debian("12")),
            ),
            (lines.as_str(), expected),
        );
    }
}

/// A build on a run image of variant `v8`, after analysis.
fn on_v8<'a>(case: &'a Case<'a>, probe: &Probe) -> Flow<'a> {
    let mut recipe = Recipe::run_image();
    recipe.config["variant"] = json!("v8");
    let run = case.push("run", &recipe);
    let flow = Flow::with(case, &[probe]);
    flow.analyze(&[&format!("-run-image={run}")]).expect_code(0);
    flow
}

/// The variant is written as the specification has it, and as the oldest lifecycle reads it.
fn a_target_matches_in_its_variant(case: &Case<'_>) {
    for (variant, expected) in [("v8", true), ("v7", false)] {
        let probe = Probe::new(case, "example/probe").targets(&supports(&format!(
            "os = \"linux\"\nvariant = \"{variant}\"\narch-variant = \"{variant}\""
        )));
        let seen = is_selected(&on_v8(case, &probe));
        case.equal("B-TARGET-002", (variant, seen), (variant, expected));
    }
}

fn one_of_several_targets_is_enough(case: &Case<'_>) {
    let windows = supports("os = \"windows\"");
    let mips = supports("os = \"linux\"\narch = \"mips\"");
    let linux = supports("os = \"linux\"");
    for (targets, expected) in [
        (windows.clone() + &mips, false),
        (windows + &mips + &linux, true),
    ] {
        case.equal(
            "B-TARGET-001 B-TARGET-002",
            (targets.as_str(), is_for(case, &targets, &debian("12"))),
            (targets.as_str(), expected),
        );
    }
}

fn an_absent_field_matches_anything(case: &Case<'_>) {
    let rows = [
        "os = \"linux\"".to_owned(),
        format!("arch = \"{}\"", architecture()),
        "[[targets.distros]]\nname = \"debian\"".to_owned(),
        "[[targets.distros]]\nversion = \"12\"".to_owned(),
        DEBIAN.to_owned(),
    ];
    for lines in rows {
        case.equal(
            "B-TARGET-003",
            (
                lines.as_str(),
                is_for(case, &supports(&lines), &debian("12")),
            ),
            (lines.as_str(), true),
        );
    }
    let one_is_another = "os = \"windows\"\n[[targets.distros]]\nname = \"debian\"";
    case.equal(
        "B-TARGET-003",
        is_for(case, &supports(one_is_another), &debian("12")),
        false,
    );
}

fn a_linux_executable_means_linux(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe").targets("");
    for (run_image, expected) in [
        (target("linux", architecture()), true),
        (target("linux", "mips"), true),
        (target("windows", "amd64"), false),
    ] {
        case.equal(
            "B-TARGET-004",
            (run_image.as_str(), matches(case, &probe, &run_image)),
            (run_image.as_str(), expected),
        );
    }
}

fn a_windows_executable_means_windows(case: &Case<'_>) {
    for executable in ["build.exe", "build.bat"] {
        let probe = Probe::new(case, "example/probe")
            .targets("")
            .without_build();
        for (run_image, expected) in [
            (target("windows", "amd64"), true),
            (target("linux", architecture()), false),
        ] {
            let flow = ready_with(case, &[&probe]);
            flow.stage
                .write("layers/analyzed.toml", &analyzed(case, &run_image));
            flow.stage
                .write(&format!("{}/bin/{executable}", probe.dir()), "MZ");
            case.equal(
                "B-TARGET-005",
                (executable, run_image.as_str(), is_selected(&flow)),
                (executable, run_image.as_str(), expected),
            );
        }
    }
}

fn the_stack_bionic_is_a_target(case: &Case<'_>) {
    let bionic = "[[stacks]]\nid = \"io.buildpacks.stacks.bionic\"";
    let ubuntu = |arch: &str, version: &str| {
        target("linux", arch)
            + &format!("[run-image.target.distro]\nname = \"ubuntu\"\nversion = \"{version}\"\n")
    };
    for (run_image, expected) in [
        (ubuntu("amd64", "18.04"), true),
        (ubuntu("amd64", "22.04"), false),
        (ubuntu("arm64", "18.04"), false),
        (debian("12"), false),
    ] {
        case.equal(
            "B-TARGET-006",
            (run_image.as_str(), is_for(case, bionic, &run_image)),
            (run_image.as_str(), expected),
        );
    }
}

fn any_stack_is_any_target(case: &Case<'_>) {
    for run_image in [
        debian("12"),
        target("linux", "mips"),
        target("windows", "amd64"),
    ] {
        case.equal(
            "B-TARGET-007 B-STACK-009",
            (
                run_image.as_str(),
                is_for(case, "[[stacks]]\nid = \"*\"", &run_image),
            ),
            (run_image.as_str(), true),
        );
    }
}

fn detect_is_told_the_target_of_the_run_image(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe");
    let flow = on_v8(case, &probe);
    flow.detect(&[]).expect_code(0);
    let record = given(&flow, &probe);
    let names = [
        "OS",
        "ARCH",
        "ARCH_VARIANT",
        "DISTRO_NAME",
        "DISTRO_VERSION",
    ];
    let seen = names.map(|name| record.var(&format!("CNB_TARGET_{name}")));
    let expected = ["linux", architecture(), "v8", "debian", "12"].map(Some);
    case.equal("P-DETECT-004", seen, expected);
}
