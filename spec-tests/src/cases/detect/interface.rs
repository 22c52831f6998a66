//! What `bin/detect` is given, and what is taken from it.
use super::{given, ready_with};
use crate::{probe::Probe, suite::Case, tests, toml_of};

tests! {
    detect_is_called_by_its_path_in_the_app_directory: [
        "B-DETIF-001", "B-DETIF-002", "B-DETIF-003", "B-DETIF-006",
    ] .each_of_both();
    directories_are_in_variables: ["B-DETIF-004", "B-DETIF-005"] .buildpack(8, 12) .each_of_both();
    every_buildpack_has_its_own_build_plan: ["B-DETIF-007", "B-DETIF-012"] .each_of_both();
    other_files_of_the_platform_are_readable: ["B-DETIF-008"] .each_of_both();
}

fn detect_is_called_by_its_path_in_the_app_directory(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe")
        .detect("[ -f \"$PLAN\" ] && [ -w \"$PLAN\" ] && echo yes > \"$R/plan\"");
    let flow = ready_with(case, &[&probe]);
    flow.detect(&[]).expect_code(0);
    let record = given(&flow, &probe);
    let program = format!("{}/bin/detect", probe.dir());
    case.equal("B-DETIF-001", record.args[0].as_str(), program.as_str());
    case.equal("B-DETIF-002", record.cwd.as_str(), "/workspace");
    case.equal("B-DETIF-003", record.args.len(), 3);
    case.equal("B-DETIF-003", record.args[1].as_str(), "/platform");
    let has_plan = flow.stage.path("record/detect/example_probe/plan").exists();
    case.check(
        "B-DETIF-003",
        has_plan,
        "the path of a writable file as second argument",
        &record.args,
    );
    case.equal(
        "B-DETIF-006",
        record.var("CNB_BUILDPACK_DIR"),
        Some(probe.dir().as_str()),
    );
}

fn directories_are_in_variables(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe").detect(
        "printf '[[provides]]\\nname = \"x\"\\n[[requires]]\\nname = \"x\"\\n' > \"$CNB_BUILD_PLAN_PATH\"",
    );
    let flow = ready_with(case, &[&probe]);
    flow.detect(&[]).expect_code(0);
    let record = given(&flow, &probe);
    case.equal(
        "B-DETIF-004",
        record.var("CNB_PLATFORM_DIR"),
        Some("/platform"),
    );
    let path = record.var("CNB_BUILD_PLAN_PATH").unwrap_or_default();
    case.check(
        "B-DETIF-005",
        path.starts_with('/'),
        "an absolute path",
        path,
    );
    case.equal(
        "B-DETIF-005",
        flow.layers_toml("plan.toml")["entries"][0]["providers"][0]["id"].as_str(),
        Some("example/probe"),
    );
}

fn every_buildpack_has_its_own_build_plan(case: &Case<'_>) {
    let [a, b] = ["a", "b"].map(|name| {
        let plan = format!(
            "[ -s \"$PLAN\" ] && exit 1\nprintf '[[provides]]\\nname = \"{name}\"\\n[[requires]]\\nname = \"{name}\"\\n' > \"$PLAN\"",
        );
        Probe::new(case, &format!("example/{name}")).detect(&plan)
    });
    let flow = ready_with(case, &[&a, &b]);
    flow.detect(&[]).expect_code(0);
    case.differ(
        "B-DETIF-007",
        given(&flow, &a).args[2].as_str(),
        given(&flow, &b).args[2].as_str(),
    );
    let plan = toml_of(&flow.stage.path("layers/plan.toml"));
    let entries = plan["entries"].as_array().expect("entries are a list");
    let mut pairs: Vec<(&str, &str)> = entries
        .iter()
        .filter_map(|entry| {
            let name = entry["requires"][0]["name"].as_str()?;
            Some((name, entry["providers"][0]["id"].as_str()?))
        })
        .collect();
    pairs.sort_unstable();
    case.equal(
        "B-DETIF-007 B-DETIF-012",
        pairs,
        [("a", "example/a"), ("b", "example/b")],
    );
}

fn other_files_of_the_platform_are_readable(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe")
        .detect("cat \"$PLATFORM_DIR/bindings/database/uri\" > \"$R/seen\" || exit 1");
    let flow = ready_with(case, &[&probe]);
    flow.stage
        .write("platform/bindings/database/uri", "postgres://db");
    flow.detect(&[]).expect_code(0);
    let seen = crate::read(&flow.stage.path("record/detect/example_probe/seen"));
    case.equal("B-DETIF-008", seen.as_str(), "postgres://db");
}
