//! Variables that layers set, add to, and fill in at launch.
use super::stand::{Launch, Process};
use crate::{cases::build, probe::Probe, suite::Case, tests};
use std::collections::BTreeMap;

tests! {
    files_of_launch_layers_modify_the_environment: ["B-EMOD-004", "B-EMOD-005"] .each_of_both();
    files_for_one_process_concern_it_only: ["B-EMOD-006"] .each_of_both();
    files_for_building_and_launching_do_not_mix: ["B-EMOD-007"] .each_of_both();
    a_file_name_is_a_variable_up_to_the_first_period: ["B-EMOD-008", "B-EMOD-009"] .each_of_both();
    content_is_taken_as_it_is: ["B-EMOD-010"] .each_of_both();
    files_without_suffix_override: ["B-EMOD-011", "B-EMOD-012"] .each_of_both();
    appended_values_come_in_build_order: ["B-EMOD-013", "B-EMOD-014", "B-EMOD-015"] .each_of_both();
    prepended_values_come_in_reverse_build_order: ["B-EMOD-026", "B-EMOD-027", "B-EMOD-028"] .each_of_both();
    defaults_fill_empty_variables: ["B-EMOD-016"] .each_of_both();
    the_first_default_wins: ["B-EMOD-017", "B-EMOD-018", "B-EMOD-019"] .each_of_both();
    the_last_override_wins: ["B-EMOD-023", "B-EMOD-024", "B-EMOD-025"] .each_of_both();
    a_delimiter_separates_values_of_its_layer: ["B-EMOD-020", "B-EMOD-021"] .each_of_both();
    layers_are_applied_one_after_the_other: ["B-EMOD-022"] .each_of_both();
}

type Env = BTreeMap<String, String>;

fn value<'a>(env: &'a Env, name: &str) -> Option<&'a str> {
    env.get(name).map(String::as_str)
}

/// The process `web` sees this environment after these files below `/layers`, with these variables of the user. The
/// buildpacks are `example/one`, then `example/two`.
fn env_of(case: &Case<'_>, files: &[(&str, &str)], of_user: &[(&str, &str)]) -> Env {
    let mut launch = Launch::showing_env(case, &["example/one", "example/two"]);
    launch.layers(files);
    for (name, value) in of_user {
        launch.stage.set(name, value);
    }
    launch.env()
}

fn files_of_launch_layers_modify_the_environment(case: &Case<'_>) {
    let files = [
        ("example_one/a/env/GENERAL", "of env"),
        ("example_one/a/env.launch/LAUNCH", "of env.launch"),
    ];
    let env = env_of(case, &files, &[]);
    case.equal("B-EMOD-004", value(&env, "GENERAL"), Some("of env"));
    case.equal("B-EMOD-005", value(&env, "LAUNCH"), Some("of env.launch"));
}

fn files_for_one_process_concern_it_only(case: &Case<'_>) {
    let shows = |kind: &str| Process::new(kind, &["printenv", "WORD"]);
    let launch = Launch::new(case, &[shows("web"), shows("worker")]);
    launch.layer("example_one/a/env.launch/web/WORD", "of web");
    let web = launch.process("web", &[]);
    case.equal(
        "B-EMOD-006",
        (web.code, web.stdout.as_str()),
        (0, "of web\n"),
    );
    let worker = launch.process("worker", &[]);
    case.equal("B-EMOD-006", worker.stdout.as_str(), "");
    let command = launch.command(&["--", "printenv", "WORD"]);
    case.equal("B-EMOD-006", command.stdout.as_str(), "");
}

fn files_for_building_and_launching_do_not_mix(case: &Case<'_>) {
    let shows = Process::new("web", &["cat", "/proc/self/environ"]).launch_toml(case.buildpack);
    let files = [
        ("env.build/BUILD", "build"),
        ("env.launch/LAUNCH", "launch"),
    ];
    let script =
        build::layer("a", "build launch", &files) + &build::put("$LAYERS/launch.toml", &shows);
    let probes = [
        Probe::new(case, "example/one").build(&script),
        Probe::new(case, "example/two"),
    ];
    let launch = Launch::built(case, &[&probes[0], &probes[1]]);
    let building = probes[1].record(&launch.stage, "build");
    let building = building.as_ref().expect("the second buildpack ran");
    case.equal(
        "B-EMOD-007",
        (building.var("BUILD"), building.var("LAUNCH")),
        (Some("build"), None),
    );
    let env = launch.env();
    case.equal(
        "B-EMOD-007",
        (value(&env, "BUILD"), value(&env, "LAUNCH")),
        (None, Some("launch")),
    );
}

fn a_file_name_is_a_variable_up_to_the_first_period(case: &Case<'_>) {
    let files = [
        ("example_one/a/env/SUFFIXED.append", "1"),
        ("example_one/a/env/WHOLE_NAME", "2"),
    ];
    let env = env_of(case, &files, &[]);
    case.equal(
        "B-EMOD-008",
        (value(&env, "SUFFIXED"), value(&env, "SUFFIXED.append")),
        (Some("1"), None),
    );
    case.equal("B-EMOD-009", value(&env, "WHOLE_NAME"), Some("2"));
}

fn content_is_taken_as_it_is(case: &Case<'_>) {
    let content = " $HOME `pwd` $(date) \"q\" 'q' \\n é\n\n";
    let env = env_of(case, &[("example_one/a/env/VERBATIM", content)], &[]);
    case.equal("B-EMOD-010", value(&env, "VERBATIM"), Some(content));
}

fn files_without_suffix_override(case: &Case<'_>) {
    let files = [
        ("example_one/a/env/BARE", "layer"),
        ("example_one/a/env/NAMED.override", "layer"),
    ];
    let env = env_of(case, &files, &[("BARE", "user"), ("NAMED", "user")]);
    case.equal("B-EMOD-011", value(&env, "BARE"), Some("layer"));
    case.equal("B-EMOD-012", value(&env, "NAMED"), Some("layer"));
}

/// Files that give `VALUE` their own place by `suffix`: of two buildpacks, of two layers, of a layer's directories.
fn values_by_place(suffix: &str) -> [(String, Vec<(String, &'static str)>); 3] {
    let by = |name: &str, places: &[(&str, &'static str)]| {
        let files = places
            .iter()
            .map(|(place, value)| (format!("{place}/{name}{suffix}"), *value));
        (name.to_owned(), files.collect())
    };
    [
        by(
            "BUILDPACK",
            &[("example_one/b/env", "1"), ("example_two/a/env", "2")],
        ),
        by(
            "LAYER",
            &[("example_one/a/env", "a"), ("example_one/b/env", "b")],
        ),
        by(
            "DIRECTORY",
            &[
                ("example_one/a/env", "e"),
                ("example_one/a/env.launch", "l"),
                ("example_one/a/env.launch/web", "p"),
            ],
        ),
    ]
}

/// Holds the values of [`values_by_place`] against the expected ones, each of which shows one requirement.
fn expect_by_place(case: &Case<'_>, suffix: &str, expected: [(&str, &str); 3], user: Option<&str>) {
    let values = values_by_place(suffix);
    let files: Vec<(&str, &str)> = values
        .iter()
        .flat_map(|(_, files)| files.iter().map(|(path, value)| (path.as_str(), *value)))
        .collect();
    let of_user: Vec<(&str, &str)> = values
        .iter()
        .filter_map(|(name, _)| Some((name.as_str(), user?)))
        .collect();
    let env = env_of(case, &files, &of_user);
    for ((name, _), (id, expected)) in values.iter().zip(expected) {
        case.equal(id, value(&env, name), Some(expected));
    }
}

fn appended_values_come_in_build_order(case: &Case<'_>) {
    let expected = [
        ("B-EMOD-013", "u12"),
        ("B-EMOD-014", "uab"),
        ("B-EMOD-015", "uelp"),
    ];
    expect_by_place(case, ".append", expected, Some("u"));
}

fn prepended_values_come_in_reverse_build_order(case: &Case<'_>) {
    let expected = [
        ("B-EMOD-026", "21u"),
        ("B-EMOD-027", "bau"),
        ("B-EMOD-028", "pleu"),
    ];
    expect_by_place(case, ".prepend", expected, Some("u"));
}

fn defaults_fill_empty_variables(case: &Case<'_>) {
    let files = [
        ("example_one/a/env/UNSET.default", "layer"),
        ("example_one/a/env/EMPTY.default", "layer"),
        ("example_one/a/env/FULL.default", "layer"),
    ];
    let env = env_of(case, &files, &[("EMPTY", ""), ("FULL", "user")]);
    case.equal(
        "B-EMOD-016",
        ["UNSET", "EMPTY", "FULL"].map(|name| value(&env, name)),
        [Some("layer"), Some("layer"), Some("user")],
    );
}

fn the_first_default_wins(case: &Case<'_>) {
    let expected = [
        ("B-EMOD-017", "1"),
        ("B-EMOD-018", "a"),
        ("B-EMOD-019", "e"),
    ];
    expect_by_place(case, ".default", expected, None);
}

fn the_last_override_wins(case: &Case<'_>) {
    let expected = [
        ("B-EMOD-023", "2"),
        ("B-EMOD-024", "b"),
        ("B-EMOD-025", "p"),
    ];
    expect_by_place(case, ".override", expected, Some("u"));
    expect_by_place(case, "", expected, Some("u"));
}

fn a_delimiter_separates_values_of_its_layer(case: &Case<'_>) {
    let files = [
        ("example_one/a/env/LAST.append", "1"),
        ("example_one/a/env/LAST.delim", ", "),
        ("example_one/b/env/LAST.append", "2"),
        ("example_two/a/env/LAST.append", "3"),
        ("example_two/a/env/LAST.delim", ";"),
        ("example_one/a/env/FIRST.prepend", "1"),
        ("example_one/a/env/FIRST.delim", ", "),
        ("example_one/b/env/FIRST.prepend", "2"),
    ];
    let env = env_of(case, &files, &[("LAST", "u"), ("FIRST", "u")]);
    case.equal(
        "B-EMOD-020 B-EMOD-021",
        value(&env, "LAST"),
        Some("u, 12;3"),
    );
    case.equal("B-EMOD-020 B-EMOD-021", value(&env, "FIRST"), Some("21, u"));
}

/// Applied by directory instead of by layer, the value would be `324`.
fn layers_are_applied_one_after_the_other(case: &Case<'_>) {
    let files = [
        ("example_one/a/env/VALUE.default", "1"),
        ("example_one/a/env.launch/VALUE.append", "2"),
        ("example_one/b/env/VALUE.override", "3"),
        ("example_one/b/env.launch/VALUE.append", "4"),
    ];
    let env = env_of(case, &files, &[]);
    case.equal("B-EMOD-022", value(&env, "VALUE"), Some("34"));
}
