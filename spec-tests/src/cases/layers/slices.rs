//! App slices.
use super::{flow, slices};
use crate::{
    flow::Flow,
    image::{Entry, Image},
    probe::Probe,
    suite::Case,
    tests,
};
use std::collections::BTreeSet;

tests! {
    each_slice_is_a_layer: ["B-SLICE-001", "B-SLICE-002", "B-SLICE-006", "B-EXPORT-008"] .each_of_both();
    earlier_buildpacks_slice_first: ["B-SLICE-003"];
    slices_without_a_match_are_accepted: ["B-SLICE-004", "B-SLICE-005", "B-SLICE-006"];
    globs_are_those_of_go: ["B-SLICE-007"];
    slice_paths_stay_inside_the_app: ["B-SLICE-008", "B-SLICE-009"];
}

/// The files of each app layer in order, by their paths below the app.
fn app_files(image: &Image) -> Vec<BTreeSet<String>> {
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    let layers = label["app"].as_array().expect("the label lists app layers");
    let files = |layer: &serde_json::Value| {
        let entries = image.layer(layer["sha"].as_str().expect("a layer has a sha"));
        entries.iter().filter_map(file_of_app).collect()
    };
    layers.iter().map(files).collect()
}

/// The path of a file below the app.
fn file_of_app(entry: &Entry) -> Option<String> {
    let path = entry.path.trim_start_matches('/');
    let path = path
        .strip_prefix("workspace/")
        .filter(|_| entry.kind == b'0')?;
    Some(path.to_owned())
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// Puts empty files into the app.
fn put(flow: &Flow<'_>, files: &[impl AsRef<str>]) {
    for file in files.iter().map(AsRef::as_ref) {
        flow.stage.write(&format!("workspace/{file}"), file);
    }
}

fn each_slice_is_a_layer(case: &Case<'_>) {
    let flow = flow(
        case,
        &slices(&[
            r#"["static", "*.css"]"#,
            r#"["*.css", "app.*", "conf/*.toml"]"#,
        ]),
    );
    put(
        &flow,
        &[
            "static/a",
            "static/deep/b",
            "main.css",
            "conf/x.toml",
            "conf/y.ini",
            "rest",
        ],
    );
    let image = flow.whole();
    let seen = app_files(&image);
    let first = set(&["static/a", "static/deep/b", "main.css"]);
    let second = set(&["app.txt", "conf/x.toml"]);
    let rest = set(&["conf/y.ini", "rest"]);
    case.equal("B-SLICE-001", seen.contains(&first), true);
    case.equal("B-SLICE-002", seen.contains(&second), true);
    let others: Vec<_> = seen
        .iter()
        .filter(|layer| **layer != first && **layer != second)
        .collect();
    let placed: BTreeSet<String> = others.into_iter().flatten().cloned().collect();
    case.equal("B-SLICE-006", placed, rest);
    let entries = image.entries_above(1);
    let file = entries
        .iter()
        .find(|entry| entry.path.trim_start_matches('/') == "workspace/conf/x.toml");
    case.equal(
        "B-EXPORT-008",
        file.map(|entry| entry.content.as_slice()),
        Some(b"conf/x.toml".as_slice()),
    );
}

fn earlier_buildpacks_slice_first(case: &Case<'_>) {
    let first = Probe::new(case, "example/first").build(&slices(&[r#"["a*"]"#]));
    let second = Probe::new(case, "example/second").build(&slices(&[r#"["*b"]"#]));
    let flow = Flow::with(case, &[&first, &second]);
    put(&flow, &["ab", "ac", "cb", "cc"]);
    let seen = app_files(&flow.whole());
    case.equal(
        "B-SLICE-003",
        seen.contains(&set(&["ab", "ac", "app.txt"])),
        true,
    );
    case.equal("B-SLICE-003", seen.contains(&set(&["cb"])), true);
}

fn slices_without_a_match_are_accepted(case: &Case<'_>) {
    let flow = flow(case, &slices(&[r#"["none/*", "*.none"]"#, r"[]"]));
    flow.until_build();
    case.succeeds("B-SLICE-004 B-SLICE-005", &flow.export(&[]));
    let seen: BTreeSet<String> = app_files(&flow.pull()).into_iter().flatten().collect();
    case.equal("B-SLICE-006", seen, set(&["app.txt"]));
}

/// Globs with what they match of [`NAMES`].
const GLOBS: [(&str, &[&str]); 11] = [
    ("?", &["a", "-"]),
    ("a*", &["a", "ab", "abc"]),
    ("b[0-9]", &["b1", "b2"]),
    ("b[^0-9]", &["bx"]),
    ("*/a", &["dd/a"]),
    ("dd/*/a", &["dd/ee/a"]),
    (r"x\*y", &["x*y"]),
    ("x[*]y", &["x*y"]),
    (r"[\-]", &["-"]),
    (r"[\]]q", &["]q"]),
    ("*b*", &["ab", "abc", "b1", "b2", "bx"]),
];
const NAMES: [&str; 12] = [
    "a", "ab", "abc", "b1", "b2", "bx", "dd/a", "dd/ee/a", "-", "x*y", "xzy", "]q",
];

fn globs_are_those_of_go(case: &Case<'_>) {
    // Each glob has all the names in a directory of its own.
    let numbered = || GLOBS.iter().enumerate();
    let paths: Vec<String> = numbered()
        .map(|(number, (glob, _))| format!("['in{number}/{glob}']"))
        .collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let flow = flow(case, &slices(&paths));
    for (number, _) in numbered() {
        put(&flow, &NAMES.map(|name| format!("in{number}/{name}")));
    }
    let seen = app_files(&flow.whole());
    for (number, (glob, matched)) in numbered() {
        let matched = matched.iter().map(|name| format!("in{number}/{name}"));
        let matched: BTreeSet<String> = matched.collect();
        case.check(
            "B-SLICE-007",
            seen.contains(&matched),
            &format!("a layer of the files that '{glob}' matches: {matched:?}"),
            &seen,
        );
    }
}

fn slice_paths_stay_inside_the_app(case: &Case<'_>) {
    let ids = |path: &str| {
        if path.starts_with('/') {
            "B-SLICE-009"
        } else {
            "B-SLICE-008"
        }
    };
    let inside = ["['one/*']", "['./two/../two/a']", "['/workspace/three/*']"];
    let flow = flow(case, &slices(&inside));
    put(&flow, &["one/a", "two/a", "three/a"]);
    let image = flow.whole();
    let seen = app_files(&image);
    case.equal("B-SLICE-008", seen.contains(&set(&["one/a"])), true);
    case.equal("B-SLICE-008", seen.contains(&set(&["two/a"])), true);
    case.equal("B-SLICE-009", seen.contains(&set(&["three/a"])), true);
    for path in ["../etc/passwd", "one/../../etc/passwd", "/etc/passwd"] {
        super::probe(case, &slices(&[&format!("['{path}']")])).install(&flow.stage);
        // Refused by the builder, by the exporter, or left out.
        let refused = flow.build(&[]).code != 0 || flow.export(&[]).code != 0;
        let now = flow.pull();
        if refused {
            case.equal(ids(path), &now.digest, &image.digest);
        } else {
            let entries = now.entries_above(1);
            let outside = entries.iter().any(|entry| entry.path.contains("passwd"));
            case.equal(ids(path), outside, false);
        }
    }
}
