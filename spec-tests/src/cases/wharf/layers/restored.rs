//! What the restorer does where the specification leaves it open.
use crate::{
    cases::layers::{CYCLONE_DX, Found, ID, described, flow, layer, next, recorded},
    flow::Flow,
    probe::Probe,
    suite::Case,
    tests,
};
use std::{fs, os::unix::fs::MetadataExt};

tests! {
    a_stale_cached_launch_layer_is_not_restored: [];
    cached_launch_layers_that_the_image_lacks_come_back_since_0_14: [];
    the_store_needs_layers_before_0_10: [];
    numbers_keep_their_kinds: [] .once();
    restored_files_have_the_time_of_layers: [] .once();
    sbom_files_of_names_with_dots_find_their_layer: [] .platform(8, 15);
    cached_metadata_without_contents_fail_the_export: [];
    what_is_restored_does_not_depend_on_the_umask: [] .once();
    many_layers_need_few_descriptors: [] .once();
}

/// Builds these lines and exports without a cache.
fn build_past_the_cache(case: &Case<'_>, flow: &Flow<'_>, script: &str) {
    next(case, flow, script);
    flow.until_build();
    let outcome = flow.stage.phase("exporter", &[&flow.image]);
    outcome.expect_code(0);
}

/// Buildpack API 0.12 does not ask for it any more; other contents than the metadata describe help nobody.
fn a_stale_cached_launch_layer_is_not_restored(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "cl", "first"));
    flow.whole();
    build_past_the_cache(case, &flow, &layer("lib", "cl", "second"));
    flow.next().until_detect();
    let outcome = flow.restore(&[]);
    outcome.expect_code(0);
    case.contains(
        "",
        &outcome.output,
        "Removing \"example/layers:lib\", wrong sha",
    );
    case.equal("", Found::read(case, &flow.stage, "lib"), Found::nothing());
}

fn cached_launch_layers_that_the_image_lacks_come_back_since_0_14(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "cl", "lib"));
    flow.whole();
    build_past_the_cache(case, &flow, "rm -rf \"$LAYERS/lib\"*");
    flow.next().until_restore();
    let expected = if case.platform >= 14 {
        Found::whole(case, "lib")
    } else {
        Found::nothing()
    };
    case.equal("", Found::read(case, &flow.stage, "lib"), expected);
}

fn the_store_needs_layers_before_0_10(case: &Case<'_>) {
    let flow = flow(
        case,
        "printf '[metadata]\\nn = 1\\n' > \"$LAYERS/store.toml\"",
    );
    flow.whole();
    flow.next().until_detect();
    flow.restore(&["-skip-layers"]).expect_code(0);
    let path = flow.stage.path("layers/example_layers/store.toml");
    case.equal("", path.exists(), case.platform >= 10);
}

/// The reference makes floats of integers: typed buildpacks fail on their second build.
fn numbers_keep_their_kinds(case: &Case<'_>) {
    let metadata = "integer = 7\nlarge = 9007199254740993\nnegative = -1\nfloat = 1.5\nround = 2.0\n[metadata.deep]\nlist = [1, 2]\n";
    for types in ["cl", "c", "l"] {
        let script = layer("lib", types, "lib")
            + &format!("cat >> \"$LAYERS/lib.toml\" <<'END'\n{metadata}END\n")
            + &format!("cat > \"$LAYERS/store.toml\" <<'END'\n[metadata]\n{metadata}END\n");
        let flow = flow(case, &script);
        flow.whole();
        flow.next().until_restore();
        let store: toml::Table = format!("[metadata]\n{metadata}")
            .parse()
            .expect("it is TOML");
        let layer: toml::Table = format!("[metadata]\nsays = \"lib\"\n{metadata}")
            .parse()
            .expect("it is TOML");
        case.equal("", flow.layers_toml("example_layers/store.toml"), store);
        case.equal("", flow.layers_toml("example_layers/lib.toml"), layer);
    }
}

/// Archives of layers have no other time; all files having it, none is newer than what was made of it.
fn restored_files_have_the_time_of_layers(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "c", "lib"));
    flow.whole();
    flow.next().until_restore();
    let path = flow.stage.path("layers/example_layers/lib/content");
    let metadata = fs::metadata(path).expect("look at a restored file");
    case.equal("", metadata.mtime(), 315_532_801);
}

fn sbom_files_of_names_with_dots_find_their_layer(case: &Case<'_>) {
    let names = ["lib", "lib.so", "lib.sbom", "sbom"];
    let script = names.map(|name| layer(name, "cl", name)).concat();
    let flow = flow(case, &script);
    flow.whole();
    flow.next().until_restore();
    for name in names {
        case.equal(
            "",
            Found::read(case, &flow.stage, name),
            Found::whole(case, name),
        );
    }
}

fn cached_metadata_without_contents_fail_the_export(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "cl", "first"));
    let digest = flow.whole().digest;
    let script = "rm -rf \"$LAYERS/lib\"\n".to_owned() + &described("lib", "cl", "second");
    next(case, &flow, &script);
    flow.until_build();
    let outcome = flow.export(&[]);
    case.exit("", &outcome, 62..=62);
    case.contains("", &outcome.output, "example/layers:lib");
    case.equal("", flow.pull().digest, digest);
}

fn what_is_restored_does_not_depend_on_the_umask(case: &Case<'_>) {
    let script = "umask 022\n".to_owned()
        + &layer("lib", "c", "lib")
        + "chmod 666 \"$LAYERS/lib/content\"\n";
    let probe = Probe::new(case, ID)
        .sbom_formats(&[CYCLONE_DX])
        .build(&script);
    let flow = Flow::with(case, &[&probe]);
    let image = flow.whole();
    case.equal("", recorded(&image, "lib"), serde_json::Value::Null);
    let modes = ["000", "077"].map(|umask| {
        flow.next().until_detect();
        let script = format!("umask {umask}; exec /cnb/lifecycle/restorer -cache-dir=/cache");
        flow.stage.run("/bin/sh", &["-c", &script]).expect_code(0);
        ["lib", "lib/content", "lib.toml"].map(|name| {
            let path = flow.stage.path(&format!("layers/example_layers/{name}"));
            let metadata = fs::metadata(path).expect("look at a restored path");
            format!("{name} {:o}", metadata.mode() & 0o7777)
        })
    });
    let expected = ["lib 755", "lib/content 666", "lib.toml 644"].map(str::to_owned);
    case.equal("", modes, [expected.clone(), expected]);
}

/// The reference opens the archives of all layers at once.
fn many_layers_need_few_descriptors(case: &Case<'_>) {
    let names: Vec<String> = (0..80).map(|number| format!("lib{number}")).collect();
    let script: String = names.iter().map(|name| layer(name, "c", name)).collect();
    let flow = flow(case, &script);
    flow.whole();
    flow.next().until_detect();
    let script = "ulimit -n 64; exec /cnb/lifecycle/restorer -cache-dir=/cache";
    case.succeeds("", &flow.stage.run("/bin/sh", &["-c", script]));
    for name in &names {
        let found = Found::read(case, &flow.stage, name);
        case.equal("", found, Found::whole(case, name));
    }
}
