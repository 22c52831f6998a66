//! Directories of build layers in the path variables of later buildpacks.
use super::{given_after, layer};
use crate::{suite::Case, tests};

tests! {
    build_layers_extend_path_variables: [
        "B-LPATH-001", "B-LPATH-005", "B-LPATH-006", "B-LPATH-008", "B-LPATH-010", "B-LPATH-012", "B-LPATH-014",
    ] .each_buildpack();
    layer_paths_are_ordered: ["B-LPATH-003", "B-LPATH-004", "B-LPATH-005"] .each_buildpack();
    other_layers_extend_nothing: ["B-LPATH-016"] .each_buildpack();
}

/// A variable, the directory of layers that belongs to it, and the requirement.
const VARIABLES: [(&str, &str, &str); 5] = [
    ("PATH", "bin", "B-LPATH-006"),
    ("LD_LIBRARY_PATH", "lib", "B-LPATH-008"),
    ("LIBRARY_PATH", "lib", "B-LPATH-010"),
    ("CPATH", "include", "B-LPATH-012"),
    ("PKG_CONFIG_PATH", "pkgconfig", "B-LPATH-014"),
];

/// The files that make every directory of [`VARIABLES`].
const ALL: [(&str, &str); 4] = [
    ("bin/x", ""),
    ("lib/x", ""),
    ("include/x", ""),
    ("pkgconfig/x", ""),
];

fn build_layers_extend_path_variables(case: &Case<'_>) {
    let scripts = [layer("a", "build", &ALL), layer("b", "build launch", &ALL)];
    let given = given_after(case, &scripts, |flow| {
        for (variable, ..) in VARIABLES {
            flow.stage.set(variable, "/usr/bin:/bin");
        }
    });
    for (variable, directory, id) in VARIABLES {
        let value = format!(
            "/layers/example_1/b/{directory}:/layers/example_0/a/{directory}:/usr/bin:/bin"
        );
        let ids = format!("B-LPATH-001 B-LPATH-005 {id}");
        case.equal(&ids, given.env.get(variable), Some(&value));
    }
}

fn layer_paths_are_ordered(case: &Case<'_>) {
    let bin = [("bin/x", "")];
    let first = layer("b", "build", &bin) + &layer("a", "build", &bin);
    let second = layer("d", "build", &bin) + &layer("c", "build", &bin);
    let given = given_after(case, &[first, second], |flow| {
        flow.stage.set("PATH", "/usr/bin:/bin");
    });
    let path: Vec<&str> = given.var("PATH").unwrap_or_default().split(':').collect();
    case.equal(
        "B-LPATH-003 B-LPATH-004 B-LPATH-005",
        path,
        [
            "/layers/example_1/c/bin",
            "/layers/example_1/d/bin",
            "/layers/example_0/a/bin",
            "/layers/example_0/b/bin",
            "/usr/bin",
            "/bin",
        ],
    );
}

fn other_layers_extend_nothing(case: &Case<'_>) {
    let script = layer("kept", "launch cache", &ALL) + &layer("untyped", "", &ALL);
    let given = given_after(case, &[script], |flow| {
        flow.stage.set("PATH", "/usr/bin:/bin");
    });
    case.equal("B-LPATH-016", given.var("PATH"), Some("/usr/bin:/bin"));
    for (variable, ..) in &VARIABLES[1..] {
        case.equal("B-LPATH-016", given.var(variable).unwrap_or_default(), "");
    }
}
