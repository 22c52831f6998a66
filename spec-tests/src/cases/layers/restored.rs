//! What the restorer writes, and when it writes nothing.
use super::{CYCLONE_DX, Found, ID, described, directory, flow, layer, next, recorded, sha};
use crate::{flow::Flow, image::Image, probe::Probe, stage::Stage, suite::Case, tests};
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

tests! {
    trees_come_back_as_they_were: [
        "P-RESTORE-007", "P-RESTORE-009", "P-RESTORE-020", "B-FLAYER-002",
    ];
    sbom_files_come_back_byte_for_byte: ["P-RESTORE-008", "B-LAYER-019"] .platform(8, 15) .each_of_both();
    a_store_comes_back: ["P-RESTORE-001", "P-RESTORE-002", "B-ANALYZE-004", "B-EXPORT-007"] .each_of_both();
    skipping_layers_restores_none: ["P-RESTORE-003"];
    skipping_layers_spares_the_store: ["P-RESTORE-004"] .platform(10, 15);
    buildpacks_outside_the_group_get_nothing: ["P-RESTORE-005", "P-RESTORE-006"];
    contents_come_only_from_the_cache: ["B-LAYER-015", "B-LAYER-038", "P-CACHE-002"];
    metadata_come_from_the_image: ["B-LAYER-016"] .buildpack(7, 11);
    a_stale_cache_is_not_restored: ["B-LAYER-018", "B-LAYER-038", "B-EXPORT-013"] .buildpack(7, 11);
    the_image_of_the_last_build_is_the_previous_one: ["B-ANALYZE-001", "B-ANALYZE-003"];
    a_build_without_previous_image_goes_on: ["B-ANALYZE-002", "P-CACHE-002"];
    a_build_after_one_for_another_execution_environment_repeats: ["P-RESTORE-022"] .platform(15, 15);
}

/// Everything below a directory: `directory`, `file <mode> <content>`, or `link <target>` by path.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).expect("list a directory") {
        let path = entry.expect("read a directory entry").path();
        let name = path.strip_prefix(root).expect("it is below the root");
        let name = name.to_string_lossy().into_owned();
        let metadata = fs::symlink_metadata(&path).expect("look at an entry");
        let mode = metadata.permissions().mode() & 0o7777;
        let text = if metadata.is_dir() {
            walk(root, &path, found);
            format!("directory {mode:o}")
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).expect("read a link");
            format!("link {}", target.display())
        } else {
            let content = fs::read(&path).expect("read a file");
            format!("file {mode:o} {}", String::from_utf8_lossy(&content))
        };
        found.insert(name, text);
    }
}

/// A layer with all that may be in one, and metadata of many kinds.
const TREE: &str = r#"
umask 022
mkdir -p "$LAYERS/deep/a/b" "$LAYERS/deep/empty" "$LAYERS/deep/closed"
printf one > "$LAYERS/deep/a/b/file"
printf '#!/bin/sh\n' > "$LAYERS/deep/a/run"
chmod 755 "$LAYERS/deep/a/run"
chmod 600 "$LAYERS/deep/a/b/file"
chmod 700 "$LAYERS/deep/closed"
: > "$LAYERS/deep/nothing"
ln -s b/file "$LAYERS/deep/a/link"
ln -s /nowhere "$LAYERS/deep/dangling"
ln -s a "$LAYERS/deep/to-directory"
printf two > "$LAYERS/deep/name with blanks"
long=$(printf '%0120d' 0)
printf three > "$LAYERS/deep/$long"
cat > "$LAYERS/deep.toml" <<'END'
[types]
build = true
cache = true
launch = true
[metadata]
text = "quotes \" and <angles>"
"dotted.key" = "yes"
list = ["a", "b"]
flag = true
number = 2.5
[metadata.inner.most]
empty = ""
[[metadata.tables]]
name = "first"
[[metadata.tables]]
name = "second"
END
"#;

fn trees_come_back_as_they_were(case: &Case<'_>) {
    let cache = format!("-cache-image={}", case.reference("cache"));
    for from_image in [false, true] {
        let flow = flow(case, TREE);
        flow.until_build();
        let stage = &flow.stage;
        let (before, metadata) = tree_and_metadata(stage);
        let (export, restore) = (
            ["-cache-dir=/cache", cache.as_str()][usize::from(from_image)],
            ["-cache-dir=/cache", cache.as_str()][usize::from(from_image)],
        );
        stage
            .phase("exporter", &[export, &flow.image])
            .expect_code(0);
        case.equal(
            "B-FLAYER-002",
            &recorded(&flow.pull(), "deep")["data"],
            &json(&metadata),
        );
        flow.next().until_detect();
        stage.phase("restorer", &[restore]).expect_code(0);
        let (after, restored) = tree_and_metadata(stage);
        case.equal("P-RESTORE-009 P-RESTORE-020", after, before);
        case.equal("P-RESTORE-007 B-FLAYER-002", restored, metadata);
    }
}

/// The layer of [`TREE`] and the table `metadata` of its TOML.
fn tree_and_metadata(stage: &Stage) -> (BTreeMap<String, String>, toml::Value) {
    let toml = crate::toml_of(&stage.path("layers/example_layers/deep.toml"));
    let tree = tree(&stage.path("layers/example_layers/deep"));
    (tree, toml["metadata"].clone())
}

fn json(value: &toml::Value) -> serde_json::Value {
    serde_json::to_value(value).expect("it is without dates")
}

/// Media types of SBOM files with their extensions.
const FORMATS: [(&str, &str); 3] = [
    (CYCLONE_DX, "cdx.json"),
    ("application/spdx+json", "spdx.json"),
    ("application/vnd.syft+json", "syft.json"),
];

fn sbom_files_come_back_byte_for_byte(case: &Case<'_>) {
    let mut script = ["l", "c", "cl"]
        .map(|types| layer(types, types, types))
        .concat();
    for (_, extension) in FORMATS {
        for name in ["l", "c", "cl", "launch", "build"] {
            script += &format!(
                "printf '{{ \"is\": \"{extension} of {name}\"\\n}}' > \"$LAYERS/{name}.sbom.{extension}\"\n"
            );
        }
    }
    let media_types = FORMATS.map(|(media_type, _)| media_type);
    let probe = Probe::new(case, ID)
        .sbom_formats(&media_types)
        .build(&script);
    let flow = Flow::with(case, &[&probe]);
    flow.whole();
    flow.next().until_restore();
    let read = |name: &str| fs::read_to_string(flow.stage.path(&format!("layers/{name}"))).ok();
    for (_, extension) in FORMATS {
        for name in ["l", "c", "cl"] {
            case.equal(
                "P-RESTORE-008",
                read(&format!("example_layers/{name}.sbom.{extension}")),
                Some(format!("{{ \"is\": \"{extension} of {name}\"\n}}")),
            );
        }
        for name in ["launch", "build"] {
            case.equal(
                "B-LAYER-019",
                read(&format!("example_layers/{name}.sbom.{extension}")),
                None,
            );
        }
    }
}

/// Leaves a `store.toml` that says `content`.
fn store(content: &str) -> String {
    format!(
        "printf '[metadata]\\nsays = \"{content}\"\\n[metadata.deep]\\nlist = [\"a\"]\\n' > \"$LAYERS/store.toml\"\n"
    )
}

/// The restored `store.toml` of a buildpack, by its directory.
fn restored_store(stage: &Stage, dir: &str) -> Option<toml::Table> {
    let path = stage.path(&format!("layers/{dir}/store.toml"));
    path.exists().then(|| crate::toml_of(&path))
}

fn a_store_comes_back(case: &Case<'_>) {
    let first = Probe::new(case, ID).build(&store("first"));
    let second = Probe::new(case, "example/second").build(&store("second"));
    let third = Probe::new(case, "example/third");
    let flow = Flow::with(case, &[&first, &second, &third]);
    flow.whole();
    flow.next().order(&[&[&first, &third]]);
    flow.until_restore();
    let expected = "metadata = { says = \"first\", deep = { list = [\"a\"] } }";
    case.equal(
        "P-RESTORE-001 B-ANALYZE-004 B-EXPORT-007",
        restored_store(&flow.stage, "example_layers"),
        expected.parse::<toml::Table>().ok(),
    );
    case.equal(
        "P-RESTORE-002",
        restored_store(&flow.stage, "example_second"),
        None,
    );
}

fn skipping_layers_restores_none(case: &Case<'_>) {
    let flow = flow(
        case,
        &["l", "c", "cl"]
            .map(|types| layer(types, types, types))
            .concat(),
    );
    flow.whole();
    flow.next().until_detect();
    flow.restore(&["-skip-layers"]).expect_code(0);
    for name in ["l", "c", "cl"] {
        let found = Found::read(case, &flow.stage, name);
        case.equal("P-RESTORE-003", found, Found::nothing());
    }
}

fn skipping_layers_spares_the_store(case: &Case<'_>) {
    let flow = flow(case, &store("first"));
    flow.whole();
    flow.next().until_detect();
    flow.restore(&["-skip-layers"]).expect_code(0);
    let store = restored_store(&flow.stage, "example_layers");
    case.equal(
        "P-RESTORE-004",
        store.map(|store| store["metadata"]["says"].clone()),
        Some("first".into()),
    );
}

fn buildpacks_outside_the_group_get_nothing(case: &Case<'_>) {
    let script = layer("l", "l", "l") + &layer("c", "c", "c") + &layer("cl", "cl", "cl");
    let first = super::probe(case, &script);
    let second = Probe::new(case, "example/second")
        .sbom_formats(&[CYCLONE_DX])
        .build(&script);
    let flow = Flow::with(case, &[&first, &second]);
    flow.whole();
    flow.next().order(&[&[&first]]);
    flow.until_restore();
    for name in ["c", "cl"] {
        case.equal(
            "P-RESTORE-005",
            Found::read(case, &flow.stage, name),
            Found::whole(case, name),
        );
    }
    let outside = flow.stage.path("layers/example_second");
    let seen = if outside.exists() {
        tree(&outside)
    } else {
        BTreeMap::new()
    };
    case.equal("P-RESTORE-006", seen, BTreeMap::new());
}

fn contents_come_only_from_the_cache(case: &Case<'_>) {
    let types = ["l", "c", "cl", "bc", "bcl"];
    let flow = flow(
        case,
        &types.map(|types| layer(types, types, types)).concat(),
    );
    flow.whole();
    fs::remove_dir_all(flow.stage.path("cache")).expect("remove the cache");
    flow.stage.write("cache/other", "");
    fs::remove_file(flow.stage.path("cache/other")).expect("empty the cache");
    flow.next().until_detect();
    case.succeeds("P-CACHE-002", &flow.restore(&[]));
    for name in types {
        let found = Found::read(case, &flow.stage, name);
        case.equal("B-LAYER-015", &found.content, &None);
        // Nor do its metadata come back without it.
        if name.contains('c') {
            case.equal("B-LAYER-038", found, Found::nothing());
        }
    }
    case.succeeds("P-CACHE-002", &flow.build(&[]));
    case.succeeds("P-CACHE-002", &flow.export(&[]));
}

/// Builds once more with these lines and exports without a cache, so that image and cache differ.
fn build_past_the_cache(case: &Case<'_>, flow: &Flow<'_>, script: &str) -> Image {
    next(case, flow, script);
    flow.until_build();
    let outcome = flow.stage.phase("exporter", &[&flow.image]);
    outcome.expect_code(0);
    flow.pull()
}

fn metadata_come_from_the_image(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "cl", "first"));
    let first = flow.whole();
    let script = directory("lib", "first") + &described("lib", "cl", "second");
    let second = build_past_the_cache(case, &flow, &script);
    assert_eq!(sha(&second, "lib"), sha(&first, "lib"));
    flow.next().until_restore();
    let found = Found::read(case, &flow.stage, "lib");
    let expected = Found::whole(case, "second");
    case.equal(
        "B-LAYER-016",
        (found.metadata, found.content),
        (expected.metadata, Some("first".to_owned())),
    );
}

fn a_stale_cache_is_not_restored(case: &Case<'_>) {
    let flow = flow(
        case,
        &(layer("lib", "cl", "first") + &layer("tool", "c", "tool")),
    );
    flow.whole();
    build_past_the_cache(case, &flow, &layer("lib", "cl", "second"));
    flow.next().until_restore();
    let found = Found::read(case, &flow.stage, "lib");
    case.equal(
        "B-LAYER-018 B-LAYER-038 B-EXPORT-013",
        found,
        Found::nothing(),
    );
    case.equal(
        "B-LAYER-038",
        Found::read(case, &flow.stage, "tool"),
        Found::whole(case, "tool"),
    );
}

fn the_image_of_the_last_build_is_the_previous_one(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "l", "first"));
    flow.whole();
    next(case, &flow, &layer("lib", "l", "second"));
    flow.whole();
    flow.next().until_restore();
    case.equal(
        "B-ANALYZE-001 B-ANALYZE-003",
        Found::read(case, &flow.stage, "lib"),
        Found::described(case, "second"),
    );
}

fn a_build_without_previous_image_goes_on(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "cl", "first"));
    case.succeeds("B-ANALYZE-002", &flow.analyze(&[]));
    case.succeeds("B-ANALYZE-002", &flow.detect(&[]));
    let cache = format!("-cache-image={}", case.reference("cache"));
    // There is no such image yet, and with neither flag there is no cache at all.
    case.succeeds("P-CACHE-002", &flow.stage.phase("restorer", &[&cache]));
    case.succeeds("P-CACHE-002", &flow.stage.phase("restorer", &[]));
    case.succeeds("B-ANALYZE-002 P-CACHE-002", &flow.restore(&[]));
    case.equal(
        "B-ANALYZE-002",
        Found::read(case, &flow.stage, "lib"),
        Found::nothing(),
    );
    case.succeeds("B-ANALYZE-002", &flow.build(&[]));
    case.succeeds("B-ANALYZE-002", &flow.export(&[]));
}

fn a_build_after_one_for_another_execution_environment_repeats(case: &Case<'_>) {
    let mut flow = flow(
        case,
        &["l", "c", "cl"]
            .map(|types| layer(types, types, types))
            .concat(),
    );
    flow.stage.set("CNB_EXEC_ENV", "test");
    flow.whole();
    flow.stage.set("CNB_EXEC_ENV", "production");
    let restored = || {
        flow.next().until_detect();
        case.succeeds("P-RESTORE-022", &flow.restore(&[]));
        ["l", "c", "cl"].map(|name| Found::read(case, &flow.stage, name))
    };
    // Whether layers come back is the lifecycle's choice, but it has to be one.
    let first = restored();
    case.equal("P-RESTORE-022", restored(), first.clone());
    let nothing = Found::nothing();
    for (name, found) in ["l", "c", "cl"].iter().zip(first) {
        let whole = Found::whole(case, name);
        let described = Found::described(case, name);
        case.check(
            "P-RESTORE-022",
            [&nothing, &whole, &described].contains(&&found),
            "the layer as its types say, or nothing of it",
            found,
        );
    }
}
