//! The creator as platforms rely on it.
use crate::{
    cases::{
        build::{layer, put},
        create::{create_anew, found},
    },
    flow::Flow,
    probe::Probe,
    read,
    suite::Case,
    tests,
};
use std::fs;

tests! {
    each_phase_has_a_banner: [];
    flags_come_with_their_platform_api: [];
    the_subcommand_does_what_the_executable_does: [] .once();
    the_restorers_variable_is_known_too: [] .once();
    a_build_without_a_cache_is_warned_of: [] .once();
    a_cache_image_wins_over_a_directory: [] .once();
    empty_flags_and_variables_are_none: [] .once();
    layers_of_one_build_side_by_side_are_the_same: [] .once();
    files_between_phases_are_placed_by_variables: [];
    a_project_descriptor_is_a_file_of_the_app: [] .once();
}

fn each_phase_has_a_banner(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let banners = |args: &[&str]| {
        let outcome = flow.next().create(&[&["-no-color"], args].concat());
        let lines = outcome.expect_code(0).stdout.lines();
        let banners = lines.filter_map(|line| line.strip_prefix("===> "));
        banners.map(str::to_owned).collect::<Vec<_>>()
    };
    let all = [
        "ANALYZING",
        "DETECTING",
        "RESTORING",
        "BUILDING",
        "EXPORTING",
    ];
    case.equal("", banners(&[]), all);
    // Since 0.10 the store is restored all the same.
    let is_left = |name: &&str| case.platform >= 10 || *name != "RESTORING";
    let left: Vec<&str> = all.into_iter().filter(is_left).collect();
    case.equal("", banners(&["-skip-restore"]), left);
}

fn flags_come_with_their_platform_api(case: &Case<'_>) {
    let flow = Flow::new(case);
    for (flag, since) in [
        ("-stack=/x", 7),
        ("-parallel", 7),
        ("-launch-cache=/x", 7),
        ("-skip-restore", 7),
        ("-build-config=/x", 11),
        ("-launcher-sbom=/x", 11),
        ("-run=/x", 12),
        ("-layout", 12),
        ("-layout-dir=/x", 12),
        ("-insecure-registry=x", 13),
        ("-system=/x", 15),
        // Paths that the creator takes from variables only.
        ("-analyzed=/x", 99),
        ("-group=/x", 99),
        ("-plan=/x", 99),
        ("-skip-layers", 99),
        // Inputs that have no flag anywhere.
        ("-exec-env=x", 99),
        ("-kaniko-dir=/x", 99),
    ] {
        let outcome = flow.stage.phase("creator", &[flag, "-h"]);
        let expected = if case.platform < since { 2 } else { 0 };
        case.equal("", (flag, outcome.code), (flag, expected));
    }
}

fn the_subcommand_does_what_the_executable_does(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.create(&[]).expect_code(0);
    let other = case.reference("other");
    let words = ["create", "-cache-dir=/cache", &other];
    case.succeeds("", &flow.next().stage.phase("lifecycle", &words));
    case.equal("", case.pull(&other).digest, flow.pull().digest);
}

fn the_restorers_variable_is_known_too(case: &Case<'_>) {
    let script = found() + &layer("dep", "cache launch", &[("file", "content")]);
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one").build(&script)]);
    flow.create(&[]).expect_code(0);
    flow.next().create(&[]).expect_code(0);
    let found = |flow: &Flow<'_>| read(&flow.stage.path("record/found"));
    case.contains("", &found(&flow), "./dep.toml");
    flow.stage.set("CNB_SKIP_LAYERS", "true");
    flow.next().create(&[]).expect_code(0);
    case.equal("", found(&flow), "");
}

fn a_build_without_a_cache_is_warned_of(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let warning = "No cached data will be used, no cache specified.";
    let outcome = create_anew(case, &mut flow, &[]);
    case.succeeds("", &outcome);
    case.contains("", &outcome.output, warning);
    case.lacks("", &flow.create(&[]).output, warning);
}

fn a_cache_image_wins_over_a_directory(case: &Case<'_>) {
    let script = found() + &layer("dep", "build cache", &[("file", "content")]);
    let flow = Flow::with(case, &[&Probe::new(case, "example/one").build(&script)]);
    let cache = format!("-cache-image={}", case.reference("cache"));
    flow.create(&[&cache]).expect_code(0);
    let mut entries = fs::read_dir(flow.stage.path("cache")).expect("list the cache directory");
    case.equal("", entries.next().is_none(), true);
    flow.next().create(&[&cache]).expect_code(0);
    let found = read(&flow.stage.path("record/found"));
    case.contains("", &found, "./dep/file");
}

/// Platforms that are scripts give every flag, whether they have a value or not.
fn empty_flags_and_variables_are_none(case: &Case<'_>) {
    let launch = "[[processes]]\ntype = \"web\"\ncommand = [\"run\"]\ndefault = true\n";
    let probe = Probe::new(case, "example/one").build(&put("$LAYERS/launch.toml", launch));
    let mut flow = Flow::with(case, &[&probe]);
    create_anew(case, &mut flow, &[]).expect_code(0);
    let expected = flow.pull().digest;
    let flags = [
        "-app=",
        "-cache-image=",
        "-layers=",
        "-previous-image=",
        "-process-type=",
        "-report=",
        "-run-image=",
        "-tag=",
    ];
    for name in [
        "CNB_APP_DIR",
        "CNB_CACHE_DIR",
        "CNB_LAYERS_DIR",
        "CNB_RUN_IMAGE",
    ] {
        flow.stage.set(name, "");
    }
    flow.next();
    case.succeeds("", &create_anew(case, &mut flow, &flags));
    case.equal("", flow.pull().digest, expected);
    let report = flow.layers_toml("report.toml");
    let tags = report["image"]["tags"].as_array().map_or(0, Vec::len);
    case.equal("", tags, 1);
}

fn files_between_phases_are_placed_by_variables(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let names = ["analyzed", "group", "plan"];
    for name in names {
        let variable = format!("CNB_{}_PATH", name.to_uppercase());
        flow.stage.set(&variable, &format!("/record/{name}"));
    }
    flow.create(&[]).expect_code(0);
    for name in names {
        let is_there = |path: String| flow.stage.path(&path).exists();
        let places = [format!("record/{name}"), format!("layers/{name}.toml")];
        case.equal("", (name, places.map(is_there)), (name, [true, false]));
    }
}

/// Whatever it says is for the platform.
fn a_project_descriptor_is_a_file_of_the_app(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let text = "[_]\nschema-version = \"0.2\"\n\
         [io.buildpacks]\ninclude = [\"a\"]\nexclude = [\"b\"]\n";
    flow.stage.write("workspace/project.toml", text);
    flow.stage.write("workspace/b", "");
    case.succeeds("", &flow.create(&[]));
    let entries = flow.pull().entries_above(0);
    for path in ["/workspace/project.toml", "/workspace/b"] {
        let is_in_image = entries.iter().any(|entry| entry.path == path);
        case.equal("", (path, is_in_image), (path, true));
    }
}

fn layers_of_one_build_side_by_side_are_the_same(case: &Case<'_>) {
    let script = layer("both", "cache launch", &[("file", "content")])
        + &layer("cached", "cache", &[("file", "content")]);
    let probe = Probe::new(case, "example/one").build(&script);
    let left = |args: &[&str]| {
        let flow = Flow::with(case, &[&probe]);
        flow.create(args).expect_code(0);
        let metadata = "cache/committed/io.buildpacks.lifecycle.cache.metadata";
        (flow.pull().digest, read(&flow.stage.path(metadata)))
    };
    case.equal("", left(&["-parallel"]), left(&[]));
}
