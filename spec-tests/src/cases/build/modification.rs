//! What files in `env/` and `env.build/` of layers do to the environment of later buildpacks.
use super::{given_after, layer};
use crate::{probe::Record, suite::Case, tests};

tests! {
    only_build_layers_change_later_builds: [
        "B-EMOD-001", "B-EMOD-002", "B-EMOD-003", "B-EMOD-007",
    ] .each_buildpack();
    the_variable_is_named_up_to_the_first_period: ["B-EMOD-008", "B-EMOD-009"] .each_buildpack();
    contents_are_verbatim: ["B-EMOD-010"] .each_buildpack();
    override_replaces: ["B-EMOD-011", "B-EMOD-012"] .each_buildpack();
    the_last_override_wins: ["B-EMOD-023", "B-EMOD-024", "B-EMOD-025"] .each_buildpack();
    append_follows_the_order_of_layers: ["B-EMOD-013", "B-EMOD-014", "B-EMOD-015"] .each_buildpack();
    prepend_reverses_the_order_of_layers: ["B-EMOD-026", "B-EMOD-027", "B-EMOD-028"] .each_buildpack();
    default_fills_what_is_empty: ["B-EMOD-016"] .each_buildpack();
    the_first_default_wins: ["B-EMOD-017", "B-EMOD-018", "B-EMOD-019"] .each_buildpack();
    a_delimiter_holds_within_its_layer: ["B-EMOD-020", "B-EMOD-021"] .each_buildpack();
    a_layer_is_done_before_the_next_begins: ["B-EMOD-022"] .each_buildpack();
}

/// What the buildpack after these is given.
fn after(case: &Case<'_>, scripts: &[String]) -> Record {
    given_after(case, scripts, |_| {})
}

/// A build layer with these files.
fn build_layer(name: &str, files: &[(&str, &str)]) -> String {
    layer(name, "build", files)
}

fn only_build_layers_change_later_builds(case: &Case<'_>) {
    let script = build_layer(
        "building",
        &[
            ("env/A", "1"),
            ("env.build/B", "2"),
            ("env.launch/C", "3"),
            ("env.launch/web/D", "4"),
        ],
    ) + &layer(
        "other",
        "launch cache",
        &[("env/E", "5"), ("env.build/F", "6")],
    );
    let given = after(case, &[script]);
    case.equal("B-EMOD-001", given.var("A"), Some("1"));
    case.equal("B-EMOD-002", given.var("B"), Some("2"));
    case.equal("B-EMOD-007", [given.var("C"), given.var("D")], [None, None]);
    case.equal("B-EMOD-003", [given.var("E"), given.var("F")], [None, None]);
}

fn the_variable_is_named_up_to_the_first_period(case: &Case<'_>) {
    let files = [
        ("env/WHOLE", "1"),
        ("env/CUT.override", "2"),
        ("env/TWICE.override.bak", "3"),
    ];
    let given = after(case, &[build_layer("a", &files)]);
    case.equal("B-EMOD-009", given.var("WHOLE"), Some("1"));
    case.equal("B-EMOD-008", given.var("CUT"), Some("2"));
    let with_period: Vec<&String> = given.env.keys().filter(|name| name.contains('.')).collect();
    case.equal("B-EMOD-008", with_period, Vec::<&String>::new());
}

fn contents_are_verbatim(case: &Case<'_>) {
    let text = "$(date) $HOME `id` 'single' \"double\" \\n a=b %s \t\n\n";
    let files = [("env/PLAIN", text), ("env.build/APPENDED.append", text)];
    let given = after(case, &[build_layer("a", &files)]);
    case.equal("B-EMOD-010", given.var("PLAIN"), Some(text));
    case.equal("B-EMOD-010", given.var("APPENDED"), Some(text));
}

fn override_replaces(case: &Case<'_>) {
    let first = build_layer("a", &[("env/PLAIN", "old"), ("env/NAMED", "old")]);
    let second = build_layer("a", &[("env/PLAIN", "new"), ("env/NAMED.override", "new")]);
    let given = after(case, &[first, second]);
    case.equal("B-EMOD-011", given.var("PLAIN"), Some("new"));
    case.equal("B-EMOD-012", given.var("NAMED"), Some("new"));
}

fn the_last_override_wins(case: &Case<'_>) {
    let first = build_layer("a", &[("env/PACKS.override", "first")]);
    let layers = build_layer(
        "a",
        &[
            ("env/LAYERS.override", "a"),
            ("env.build/LAYERS.override", "a2"),
        ],
    ) + &build_layer("b", &[("env/LAYERS.override", "b")]);
    let second = build_layer(
        "a",
        &[
            ("env/PACKS.override", "second"),
            ("env/DIRS.override", "env"),
            ("env.build/DIRS.override", "env.build"),
        ],
    );
    let given = after(case, &[first, second, layers]);
    case.equal("B-EMOD-023", given.var("PACKS"), Some("second"));
    case.equal("B-EMOD-024", given.var("LAYERS"), Some("b"));
    case.equal("B-EMOD-025", given.var("DIRS"), Some("env.build"));
}

/// Two buildpacks, the first with layers `a` and `b`: each sets `PACKS` once, the first `LAYERS` in both layers, and
/// `DIRS` in both directories of `a`, by files with this suffix.
fn all_around(suffix: &str) -> [String; 2] {
    let file = |dir: &str, name: &str| format!("{dir}/{name}.{suffix}");
    let [packs, layers, dirs] = ["PACKS", "LAYERS", "DIRS"].map(|name| file("env", name));
    let build_dirs = file("env.build", "DIRS");
    let first = build_layer(
        "a",
        &[
            (packs.as_str(), "1"),
            (layers.as_str(), "1"),
            (dirs.as_str(), "1"),
            (build_dirs.as_str(), "2"),
        ],
    ) + &build_layer("b", &[(layers.as_str(), "2")]);
    [first, build_layer("a", &[(packs.as_str(), "2")])]
}

fn append_follows_the_order_of_layers(case: &Case<'_>) {
    let given = after(case, &all_around("append"));
    case.equal("B-EMOD-013", given.var("PACKS"), Some("12"));
    case.equal("B-EMOD-014", given.var("LAYERS"), Some("12"));
    case.equal("B-EMOD-015", given.var("DIRS"), Some("12"));
}

fn prepend_reverses_the_order_of_layers(case: &Case<'_>) {
    let given = after(case, &all_around("prepend"));
    case.equal("B-EMOD-026", given.var("PACKS"), Some("21"));
    case.equal("B-EMOD-027", given.var("LAYERS"), Some("21"));
    case.equal("B-EMOD-028", given.var("DIRS"), Some("21"));
}

fn the_first_default_wins(case: &Case<'_>) {
    let given = after(case, &all_around("default"));
    case.equal("B-EMOD-017", given.var("PACKS"), Some("1"));
    case.equal("B-EMOD-018", given.var("LAYERS"), Some("1"));
    case.equal("B-EMOD-019", given.var("DIRS"), Some("1"));
}

fn default_fills_what_is_empty(case: &Case<'_>) {
    let first = build_layer("a", &[("env/SET", "old"), ("env/EMPTY", "")]);
    let defaults = ["SET", "EMPTY", "UNSET"].map(|name| format!("env/{name}.default"));
    let files = defaults.each_ref().map(|name| (name.as_str(), "new"));
    let given = after(case, &[first, build_layer("a", &files)]);
    case.equal("B-EMOD-016", given.var("SET"), Some("old"));
    case.equal("B-EMOD-016", given.var("EMPTY"), Some("new"));
    case.equal("B-EMOD-016", given.var("UNSET"), Some("new"));
}

fn a_delimiter_holds_within_its_layer(case: &Case<'_>) {
    let first = build_layer("a", &[("env/BACK", "0"), ("env/FRONT", "0")]);
    let second = build_layer(
        "a",
        &[
            ("env/BACK.append", "1"),
            ("env/BACK.delim", ", "),
            ("env.build/FRONT.prepend", "1"),
            ("env.build/FRONT.delim", ":"),
        ],
    ) + &build_layer(
        "b",
        &[("env/BACK.append", "2"), ("env.build/FRONT.prepend", "2")],
    );
    let given = after(case, &[first.clone(), second.clone()]);
    case.equal("B-EMOD-020 B-EMOD-021", given.var("BACK"), Some("0, 12"));
    case.equal("B-EMOD-020 B-EMOD-021", given.var("FRONT"), Some("21:0"));
    let third = build_layer(
        "a",
        &[("env/BACK.append", "3"), ("env.build/FRONT.prepend", "3")],
    );
    let given = after(case, &[first, second, third]);
    case.equal("B-EMOD-021", given.var("BACK"), Some("0, 123"));
    case.equal("B-EMOD-021", given.var("FRONT"), Some("321:0"));
}

fn a_layer_is_done_before_the_next_begins(case: &Case<'_>) {
    let first = build_layer("a", &[("env/FOO", "0")]);
    let second = build_layer("a", &[("env/FOO.append", "1"), ("env/FOO.prepend", "2")])
        + &build_layer("b", &[("env/FOO.override", "3")])
        + &build_layer("c", &[("env/FOO.append", "4")]);
    let given = after(case, &[first, second]);
    case.equal("B-EMOD-022", given.var("FOO"), Some("34"));
}
