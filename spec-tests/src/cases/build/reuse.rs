//! What a buildpack may make of what the last build left.
use super::{layer, put, record, typed};
use crate::{flow::Flow, image::Image, probe::Probe, read, suite::Case, tests};
use std::collections::BTreeSet;

tests! {
    restored_layers_are_what_the_buildpack_makes_of_them: [
        "B-BUILD-007", "B-BUILD-014", "B-BUILD-015", "B-BUILD-016", "B-BUILD-017",
    ];
    the_store_comes_back: ["B-FSTORE-001"];
}

const NAMES: [&str; 6] = [
    "untouched",
    "launched",
    "built",
    "cached",
    "deleted",
    "changed",
];

/// Names of the layers that the lifecycle label lists, of the first buildpack.
fn listed(image: &Image) -> BTreeSet<String> {
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    let layers = label["buildpacks"][0]["layers"].as_object();
    layers
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn restored_layers_are_what_the_buildpack_makes_of_them(case: &Case<'_>) {
    let first: String = NAMES
        .iter()
        .map(|name| layer(name, "launch cache", &[("file", name), ("bin/x", "")]))
        .collect();
    let one = |script: &str| Probe::new(case, "example/one").build(script);
    let last = Probe::new(case, "example/last");
    let flow = Flow::with(case, &[&one(&first), &last]);
    case.equal("B-BUILD-007", listed(&flow.whole()), set(&NAMES));
    let second = typed("launched", "launch")
        + &typed("built", "build")
        + &typed("cached", "cache")
        + "rm -r \"$LAYERS/deleted\" \"$LAYERS/deleted.toml\"\n"
        + &layer("changed", "launch", &[("file", "other")]);
    one(&second).install(&flow.stage);
    flow.next().until_restore();
    for name in NAMES {
        let restored = flow.layers_toml(&format!("example_one/{name}.toml"));
        case.check(
            "B-BUILD-014",
            !restored.contains_key("types"),
            "no types",
            &restored,
        );
        let file = flow.stage.path(&format!("layers/example_one/{name}/file"));
        case.equal("B-BUILD-016 B-BUILD-017", read(&file), name);
    }
    flow.build(&[]).expect_code(0);
    flow.export(&[]).expect_code(0);
    let image = flow.pull();
    case.equal(
        "B-BUILD-007 B-BUILD-015 B-BUILD-016",
        listed(&image),
        set(&["launched", "changed"]),
    );
    let changed = image
        .entries_above(1)
        .into_iter()
        .find(|entry| entry.path.trim_start_matches('/') == "layers/example_one/changed/file");
    case.equal(
        "B-BUILD-007",
        changed.map(|entry| entry.content),
        Some(b"other".to_vec()),
    );
    let path = record(&flow, &last, "build").env["PATH"].clone();
    case.contains("B-BUILD-017", &path, "/layers/example_one/built/bin");
    case.lacks("B-BUILD-015", &path, "untouched");
    one("").install(&flow.stage);
    flow.next().until_restore();
    let kept = |name: &str| {
        flow.stage
            .path(&format!("layers/example_one/{name}"))
            .exists()
    };
    case.equal("B-BUILD-017", kept("cached"), true);
    case.equal("B-BUILD-015", kept("untouched"), false);
    case.equal("B-BUILD-007", kept("deleted"), false);
}

fn the_store_comes_back(case: &Case<'_>) {
    let metadata = "[metadata]\ntext = \"a 'b' \\\"c\\\"\\n\"\nflag = true\nlist = [\"a\", \"b\"]\n\
         [metadata.deep.deeper]\ntext = \"d\"\n[[metadata.tables]]\nname = \"one\"\n\
         [[metadata.tables]]\nname = \"two\"\n";
    let probe = Probe::new(case, "example/one").build(&put("$LAYERS/store.toml", metadata));
    let flow = Flow::with(case, &[&probe]);
    flow.whole();
    flow.next().until_restore();
    let expected: toml::Table = metadata.parse().expect("the store is TOML");
    let seen = flow.layers_toml("example_one/store.toml");
    case.equal(
        "B-FSTORE-001",
        seen.get("metadata"),
        expected.get("metadata"),
    );
}
