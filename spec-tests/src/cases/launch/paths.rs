//! Directories of layers in variables that hold search paths.
use super::stand::Launch;
use crate::{suite::Case, tests};

tests! {
    directories_of_launch_layers_lead_the_search_paths:
        ["B-LPATH-002", "B-LPATH-003", "B-LPATH-004", "B-LPATH-005", "B-LPATH-007", "B-LPATH-009"] .each_of_both();
    search_paths_for_building_stay_as_they_are: ["B-LPATH-011", "B-LPATH-013", "B-LPATH-015"] .each_of_both();
}

/// Two buildpacks with two layers each, and every directory that could matter in each of them.
fn with_directories(case: &Case<'_>) -> Launch {
    let launch = Launch::showing_env(case, &["example/one", "example/two"]);
    for layer in [
        "example_one/a",
        "example_one/b",
        "example_two/a",
        "example_two/b",
    ] {
        for directory in ["bin", "lib", "include", "pkgconfig"] {
            launch.layer(&format!("{layer}/{directory}/file"), "");
        }
    }
    launch.layer("example_one/c/other/file", "");
    launch
}

fn directories_of_launch_layers_lead_the_search_paths(case: &Case<'_>) {
    let mut launch = with_directories(case);
    let env = launch.env();
    let of_layers = |directory: &str| {
        let layers = [
            "example_two/a",
            "example_two/b",
            "example_one/a",
            "example_one/b",
        ];
        let paths = layers.map(|layer| format!("/layers/{layer}/{directory}"));
        paths.join(":")
    };
    case.equal(
        "B-LPATH-002 B-LPATH-003 B-LPATH-004 B-LPATH-005 B-LPATH-007",
        env["PATH"].as_str(),
        of_layers("bin") + ":/usr/local/bin:/usr/bin:/bin",
    );
    case.equal(
        "B-LPATH-002 B-LPATH-003 B-LPATH-004 B-LPATH-005 B-LPATH-009",
        env.get("LD_LIBRARY_PATH"),
        Some(&of_layers("lib")),
    );
    launch.stage.set("LD_LIBRARY_PATH", "/of/user");
    case.equal(
        "B-LPATH-005 B-LPATH-009",
        launch.env().get("LD_LIBRARY_PATH"),
        Some(&(of_layers("lib") + ":/of/user")),
    );
}

fn search_paths_for_building_stay_as_they_are(case: &Case<'_>) {
    let rows = [
        ("B-LPATH-011", "LIBRARY_PATH"),
        ("B-LPATH-013", "CPATH"),
        ("B-LPATH-015", "PKG_CONFIG_PATH"),
    ];
    let mut launch = with_directories(case);
    let env = launch.env();
    for (id, name) in rows {
        case.equal(id, env.get(name), None);
        launch.stage.set(name, "/of/user");
    }
    let env = launch.env();
    for (id, name) in rows {
        case.equal(id, env.get(name).map(String::as_str), Some("/of/user"));
    }
}
