//! What each of the three types does, alone and together.
use super::{Found, flow, layer, recorded, sha};
use crate::{flow::Flow, probe::Probe, suite::Case, tests};
use std::collections::BTreeSet;

tests! {
    layers_come_back_by_their_types: [
        "B-LAYER-003", "B-LAYER-005", "B-LAYER-007", "B-LAYER-008", "B-LAYER-009", "B-LAYER-010", "B-LAYER-011",
        "B-LAYER-012", "B-LAYER-013", "B-LAYER-014", "B-LAYER-017", "B-LAYER-023", "B-LAYER-024", "B-LAYER-025",
        "B-LAYER-034", "B-LAYER-035", "B-LAYER-036", "B-LAYER-037", "B-LAYER-039", "B-LAYER-041", "P-RESTORE-005",
        "B-ANALYZE-003",
    ] .each_of_both();
    the_image_holds_launch_layers: [
        "B-LAYER-001", "B-LAYER-004", "B-LAYER-021", "B-LAYER-022", "B-EXPORT-002", "B-EXPORT-003", "B-FLAYER-001",
    ] .each_of_both();
    build_layers_are_there_for_later_buildpacks: ["B-LAYER-002", "B-LAYER-033"] .each_of_both();
    launch_layers_are_there_for_the_app: ["B-LAYER-001", "B-LAYER-020"] .each_of_both();
    layers_without_types_are_moved_away: ["B-LAYER-006", "B-LAYER-040", "B-LAYER-041"] .each_of_both();
    flags_outside_the_table_types_are_not_honoured: ["B-FLAYER-001"] .each_of_both();
}

/// Every combination of types; a layer is called by its letters.
const COMBINATIONS: [&str; 8] = ["bcl", "bc", "bl", "b", "cl", "c", "l", "none"];

/// Shell lines that leave a layer of each combination.
fn all_combinations() -> String {
    COMBINATIONS
        .map(|types| layer(types, types.trim_start_matches("none"), types))
        .concat()
}

fn layers_come_back_by_their_types(case: &Case<'_>) {
    let flow = flow(case, &all_combinations());
    flow.whole();
    flow.next().until_restore();
    let found = |name: &str| Found::read(case, &flow.stage, name);
    let whole = |name: &str| Found::whole(case, name);
    case.equal(
        "B-LAYER-007 B-LAYER-003 B-LAYER-005 B-LAYER-035 B-LAYER-039 P-RESTORE-005 B-ANALYZE-003",
        found("bcl"),
        whole("bcl"),
    );
    case.equal(
        "B-LAYER-008 B-LAYER-017 B-LAYER-035 B-LAYER-036 B-LAYER-037 B-LAYER-039",
        found("bc"),
        whole("bc"),
    );
    case.equal("B-LAYER-009 B-LAYER-034", found("bl"), Found::nothing());
    case.equal(
        "B-LAYER-010 B-LAYER-003 B-LAYER-034",
        found("b"),
        Found::nothing(),
    );
    case.equal(
        "B-LAYER-011 B-LAYER-003 B-LAYER-035 B-LAYER-039",
        found("cl"),
        whole("cl"),
    );
    case.equal(
        "B-LAYER-012 B-LAYER-003 B-LAYER-017 B-LAYER-035 B-LAYER-036 B-LAYER-037 B-LAYER-039",
        found("c"),
        whole("c"),
    );
    case.equal(
        "B-LAYER-013 B-LAYER-003 B-LAYER-023 B-LAYER-024 B-LAYER-025 P-RESTORE-005 B-ANALYZE-003",
        found("l"),
        Found::described(case, "l"),
    );
    case.equal("B-LAYER-014 B-LAYER-041", found("none"), Found::nothing());
}

fn the_image_holds_launch_layers(case: &Case<'_>) {
    let flow = flow(case, &all_combinations());
    flow.until_build();
    case.succeeds("B-LAYER-004", &flow.export(&[]));
    let image = flow.pull();
    let all: BTreeSet<String> = image.diff_ids().into_iter().collect();
    for types in COMBINATIONS {
        let is_launch = types.contains('l');
        let seen = recorded(&image, types);
        if !is_launch {
            case.check(
                "B-LAYER-001 B-FLAYER-001",
                seen.is_null(),
                "no word of a layer that is not for launch",
                seen,
            );
            continue;
        }
        let sha = sha(&image, types);
        case.check(
            "B-LAYER-001 B-LAYER-021 B-FLAYER-001",
            all.contains(&sha),
            "the launch layer among the image's layers",
            (&sha, &all),
        );
        case.equal("B-LAYER-022", &seen["data"]["says"], types);
        let entries = image.layer(&sha);
        let path = format!("/layers/example_layers/{types}/content");
        let entry = entries
            .iter()
            .find(|entry| format!("/{}", entry.path.trim_start_matches('/')) == path);
        case.equal(
            "B-EXPORT-002 B-EXPORT-003",
            entry.map(|entry| String::from_utf8_lossy(&entry.content).into_owned()),
            Some(types.to_owned()),
        );
    }
}

/// Shell lines that leave a layer of these types with `bin` and a variable for every time.
fn with_environment(types: &str) -> String {
    layer(types, types.trim_start_matches("none"), types)
        + &format!(
            "mkdir -p \"$LAYERS/{types}/bin\" \"$LAYERS/{types}/env\"\n\
             printf yes > \"$LAYERS/{types}/env/FROM_{types}.override\"\n"
        )
}

fn build_layers_are_there_for_later_buildpacks(case: &Case<'_>) {
    let first = super::probe(case, &COMBINATIONS.map(with_environment).concat());
    let second = Probe::new(case, "example/second");
    let flow = Flow::with(case, &[&first, &second]);
    flow.until_build();
    let record = second.record(&flow.stage, "build").expect("it has run");
    let path = record.var("PATH").unwrap_or_default();
    for types in COMBINATIONS {
        let dir = format!("/layers/example_layers/{types}/bin");
        let seen = (
            path.split(':').any(|entry| entry == dir),
            record.var(&format!("FROM_{types}")) == Some("yes"),
        );
        let is_build = types.contains('b');
        case.equal("B-LAYER-002 B-LAYER-033", seen, (is_build, is_build));
    }
}

fn launch_layers_are_there_for_the_app(case: &Case<'_>) {
    let flow = flow(case, &COMBINATIONS.map(with_environment).concat());
    flow.until_build();
    let outcome = flow
        .stage
        .run("/cnb/lifecycle/launcher", &["--", "/usr/bin/env"]);
    outcome.expect_code(0);
    let line = |name: &str| {
        let mut lines = outcome.stdout.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    for types in COMBINATIONS {
        let dir = format!("/layers/example_layers/{types}/bin");
        let seen = (
            line("PATH").is_some_and(|path| path.split(':').any(|entry| entry == dir)),
            line(&format!("FROM_{types}")) == Some("yes"),
        );
        // Directories of layers that are not for launch are not in the image, and so not here in a real run.
        if types.contains('l') {
            case.equal("B-LAYER-001 B-LAYER-020", seen, (true, true));
        }
    }
}

fn layers_without_types_are_moved_away(case: &Case<'_>) {
    let script = layer("kept", "l", "kept")
        + &layer("false", "", "false")
        + &super::directory("bare", "bare")
        + "printf '[metadata]\\nsays = \"bare\"\\n' > \"$LAYERS/bare.toml\"\n";
    let first = super::probe(case, &script);
    let second = Probe::new(case, "example/second")
        .build("(cd /layers/example_layers && ls -d */) > /record/listing");
    let flow = Flow::with(case, &[&first, &second]);
    let image = flow.whole();
    let listing = crate::read(&flow.stage.path("record/listing"));
    let seen: BTreeSet<&str> = listing.lines().collect();
    case.equal(
        "B-LAYER-006 B-LAYER-040",
        seen,
        BTreeSet::from(["bare.ignore/", "false.ignore/", "kept/"]),
    );
    let paths = image.entries_above(1);
    let strays = paths.iter().filter(|entry| {
        entry.path.contains("example_layers/bare") || entry.path.contains("example_layers/false")
    });
    case.equal("B-LAYER-006 B-LAYER-041", strays.count(), 0);
    flow.next().until_restore();
    for name in ["bare", "false", "bare.ignore", "false.ignore"] {
        case.equal(
            "B-LAYER-041",
            Found::read(case, &flow.stage, name),
            Found::nothing(),
        );
    }
}

fn flags_outside_the_table_types_are_not_honoured(case: &Case<'_>) {
    let script = super::directory("old", "old")
        + "printf 'launch = true\\nbuild = true\\ncache = true\\n' > \"$LAYERS/old.toml\"\n";
    let flow = flow(case, &script);
    flow.until_restore();
    // A lifecycle may refuse the file, or take it for a layer without types.
    if flow.build(&[]).code == 0 {
        flow.export(&[]).expect_code(0);
        let seen = recorded(&flow.pull(), "old");
        case.check(
            "B-FLAYER-001",
            seen.is_null(),
            "no layer in the image",
            seen,
        );
    } else {
        case.equal("B-FLAYER-001", case.find(&flow.image).is_some(), false);
    }
}
