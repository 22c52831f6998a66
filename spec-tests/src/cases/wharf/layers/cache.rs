//! The cache directory and the cache image, as the reference lays them out, and what becomes of bad ones.
use crate::{
    cases::layers::{Found, directory, flow, layer, next},
    flow::Flow,
    image::digest,
    recipe::{Recipe, architecture},
    suite::Case,
    tests,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt};

tests! {
    a_cache_directory_has_metadata_and_archives: [];
    unchanged_layers_stay_the_same_file: [] .once();
    remains_of_a_killed_build_do_not_matter: [] .once();
    a_cache_that_another_build_writes_is_left_to_it: [] .once();
    a_damaged_layer_is_not_restored_and_heals: [] .once();
    metadata_that_nobody_understands_are_an_empty_cache: [] .once();
    a_cache_that_cannot_be_written_does_not_fail_the_build: [] .once();
    a_cache_image_has_each_layer_once: [];
    a_cache_image_of_nothing_has_one_empty_layer: [] .once();
    a_replaced_cache_image_is_deleted_by_old_apis: [];
    a_layer_that_is_not_what_the_cache_image_says_is_skipped: [] .once();
    an_archive_that_leaves_its_layer_writes_nothing_elsewhere: [] .once();
    a_cache_has_at_most_the_size_it_may_have: [] .once();
}

const METADATA: &str = "io.buildpacks.lifecycle.cache.metadata";

/// The metadata of the cache directory.
fn metadata(flow: &Flow<'_>) -> Value {
    let path = flow.stage.path(&format!("cache/committed/{METADATA}"));
    serde_json::from_str(&crate::read(&path)).expect("the metadata are JSON")
}

/// Names of the files in the cache directory, those below `committed` with it.
fn files(flow: &Flow<'_>) -> BTreeSet<String> {
    let list = |dir: &str| -> Vec<String> {
        let entries = fs::read_dir(flow.stage.path(dir)).expect("list a directory");
        entries
            .map(|entry| entry.expect("read a directory entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    };
    let committed = list("cache/committed");
    let committed = committed.iter().map(|name| format!("committed/{name}"));
    let top = list("cache").into_iter();
    // Only we lock.
    top.filter(|name| name != "lock" && name != "committed")
        .chain(committed)
        .collect()
}

fn a_cache_directory_has_metadata_and_archives(case: &Case<'_>) {
    let script =
        layer("tool", "bc", "tool") + &layer("lib", "cl", "lib") + &layer("app", "l", "app");
    let flow = flow(case, &script);
    flow.whole();
    let metadata = metadata(&flow);
    let layers = &metadata["buildpacks"][0]["layers"];
    let sha = |value: &Value| value["sha"].as_str().unwrap_or_default().to_owned();
    let (tool, lib) = (sha(&layers["tool"]), sha(&layers["lib"]));
    let expected = json!([{
        "key": "example/layers",
        "version": "1.0",
        "layers": {
            "lib": {"sha": lib, "data": {"says": "lib"}, "build": false, "launch": true, "cache": true},
            "tool": {"sha": tool, "data": {"says": "tool"}, "build": true, "launch": false, "cache": true},
        },
    }]);
    case.equal("", &metadata["buildpacks"], &expected);
    let sbom = sha(&metadata["sbom"]);
    case.equal("", sbom.is_empty(), case.platform < 8);
    let shas = [tool, lib, sbom];
    let names = shas.iter().filter(|sha| !sha.is_empty());
    let mut names: BTreeSet<String> = names.map(|sha| format!("committed/{sha}.tar")).collect();
    for name in &names {
        let bytes = fs::read(flow.stage.path(&format!("cache/{name}"))).expect("read an archive");
        case.equal(
            "",
            format!("committed/{}.tar", digest(&bytes)),
            name.clone(),
        );
    }
    names.insert(format!("committed/{METADATA}"));
    for own in ["fingerprints.toml", "seals.toml"] {
        names.insert(format!("committed/{own}"));
    }
    case.equal("", files(&flow), names);
}

/// Inode of the only archive in the cache directory.
fn inode(flow: &Flow<'_>) -> u64 {
    let name = files(flow)
        .into_iter()
        .find(|name| name.contains("sha256:"))
        .expect("there is an archive");
    let metadata = fs::metadata(flow.stage.path(&format!("cache/{name}")));
    metadata.expect("look at the archive").ino()
}

fn unchanged_layers_stay_the_same_file(case: &Case<'_>) {
    let script =
        directory("lib", "lib") + "printf '[types]\\ncache = true\\n' > \"$LAYERS/lib.toml\"\n";
    let flow = flow(case, &script);
    flow.whole();
    let before = inode(&flow);
    flow.next().until_build();
    let outcome = flow.export(&[]);
    case.contains(
        "",
        &outcome.output,
        "Reusing cache layer 'example/layers:lib'",
    );
    case.equal("", inode(&flow), before);
}

fn remains_of_a_killed_build_do_not_matter(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "c", "lib"));
    flow.whole();
    let intact = files(&flow);
    flow.stage.write("cache/staging/half.tar", "half");
    flow.stage.write("cache/committed-backup/old.tar", "old");
    flow.next().until_restore();
    case.equal(
        "",
        Found::read(case, &flow.stage, "lib"),
        Found::whole(case, "lib"),
    );
    case.equal("", files(&flow), intact.clone());
    // Killed between the two renames of the reference: what was committed is the backup.
    let (committed, backup) = ("cache/committed", "cache/committed-backup");
    fs::rename(flow.stage.path(committed), flow.stage.path(backup)).expect("move the cache aside");
    flow.stage.write("cache/staging/half.tar", "half");
    flow.next().until_restore();
    case.equal(
        "",
        Found::read(case, &flow.stage, "lib"),
        Found::whole(case, "lib"),
    );
    case.equal("", files(&flow), intact);
}

/// Two builds with one cache do not mix their layers: the later one goes without.
fn a_cache_that_another_build_writes_is_left_to_it(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "c", "first"));
    flow.whole();
    let before = (files(&flow), metadata(&flow));
    flow.stage.write("cache/staging/half.tar", "half");
    let lock = fs::File::open(flow.stage.path("cache/lock")).expect("open the lock");
    lock.lock().expect("lock the cache as another build does");
    next(case, &flow, &layer("lib", "c", "second"));
    flow.until_build();
    let outcome = flow.export(&[]);
    case.succeeds("", &outcome);
    case.contains("", &outcome.output, "Failed to export cache");
    let half = flow.stage.path("cache/staging/half.tar");
    case.equal("", crate::read(&half).as_str(), "half");
    drop(lock);
    fs::remove_dir_all(flow.stage.path("cache/staging")).expect("end the other build");
    case.equal("", (files(&flow), metadata(&flow)), before);
}

fn a_damaged_layer_is_not_restored_and_heals(case: &Case<'_>) {
    let script = layer("bad", "cl", "bad") + &layer("good", "c", "good");
    let flow = flow(case, &script);
    flow.whole();
    let layers = &metadata(&flow)["buildpacks"][0]["layers"];
    let name = layers["bad"]["sha"].as_str().expect("the layer is cached");
    let path = flow.stage.path(&format!("cache/committed/{name}.tar"));
    let intact = fs::read(&path).expect("read an archive");
    let mut damaged = intact.clone();
    // Within the only file's content: the archive can still be read.
    let at = damaged.windows(3).rposition(|part| part == b"bad");
    damaged[at.expect("the content is in the archive")] = b'B';
    for content in [Some(damaged), None] {
        match content {
            Some(content) => fs::write(&path, content).expect("damage the archive"),
            None => fs::remove_file(&path).expect("remove the archive"),
        }
        flow.next().until_detect();
        let outcome = flow.restore(&[]);
        outcome.expect_code(0);
        case.contains(
            "",
            &outcome.output,
            &format!("Skipping restore for layer {name}"),
        );
        case.equal("", Found::read(case, &flow.stage, "bad"), Found::nothing());
        case.equal(
            "",
            Found::read(case, &flow.stage, "good"),
            Found::whole(case, "good"),
        );
        flow.build(&[]).expect_code(0);
        flow.export(&[]).expect_code(0);
        case.equal("", fs::read(&path).ok(), Some(intact.clone()));
    }
}

fn metadata_that_nobody_understands_are_an_empty_cache(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "c", "lib"));
    flow.whole();
    for text in ["{", "{\"buildpacks\": 7}"] {
        flow.stage
            .write(&format!("cache/committed/{METADATA}"), text);
        flow.next().until_restore();
        case.equal("", Found::read(case, &flow.stage, "lib"), Found::nothing());
        flow.build(&[]).expect_code(0);
        flow.export(&[]).expect_code(0);
        flow.next().until_restore();
        case.equal(
            "",
            Found::read(case, &flow.stage, "lib"),
            Found::whole(case, "lib"),
        );
    }
}

fn a_cache_that_cannot_be_written_does_not_fail_the_build(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "cl", "lib"));
    flow.until_build();
    // A directory that is there but read-only.
    let outcome = flow
        .stage
        .phase("exporter", &["-cache-dir=/usr", &flow.image]);
    outcome.expect_code(0);
    case.contains("", &outcome.output, "Failed to export cache");
    case.equal("", case.find(&flow.image).is_some(), true);
}

/// Exports once more into this cache image.
fn export_to(flow: &Flow<'_>, cache: &str) {
    let cache = format!("-cache-image={cache}");
    let outcome = flow.stage.phase("exporter", &[&cache, &flow.image]);
    outcome.expect_code(0);
}

fn a_cache_image_has_each_layer_once(case: &Case<'_>) {
    let script =
        layer("tool", "bc", "tool") + &layer("lib", "cl", "lib") + &layer("app", "l", "app");
    let flow = flow(case, &script);
    flow.until_build();
    let cache = case.reference("cache");
    for _ in 0..2 {
        export_to(&flow, &cache);
        let image = case.pull(&cache);
        let metadata = image.json_label(METADATA);
        let layers = &metadata["buildpacks"][0]["layers"];
        let shas = [&layers["lib"], &layers["tool"], &metadata["sbom"]];
        let shas: BTreeSet<&str> = shas
            .iter()
            .filter_map(|layer| layer["sha"].as_str())
            .filter(|sha| !sha.is_empty())
            .collect();
        let diff_ids = image.diff_ids();
        case.equal("", diff_ids.len(), shas.len());
        let seen: BTreeSet<&str> = diff_ids.iter().map(String::as_str).collect();
        case.equal("", seen, shas);
        case.equal("", &image.config["os"], "linux");
    }
}

fn a_cache_image_of_nothing_has_one_empty_layer(case: &Case<'_>) {
    let flow = flow(case, &directory("lib", "lib"));
    flow.until_build();
    let cache = case.reference("cache");
    export_to(&flow, &cache);
    let image = case.pull(&cache);
    case.equal("", image.diff_ids(), [digest(&[0; 1024])]);
    case.equal("", image.archive(0), vec![0; 1024]);
    flow.next().until_detect();
    let outcome = flow
        .stage
        .phase("restorer", &[&format!("-cache-image={cache}")]);
    outcome.expect_code(0);
}

fn a_replaced_cache_image_is_deleted_by_old_apis(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "c", "first"));
    flow.until_build();
    let cache = case.reference("cache");
    export_to(&flow, &cache);
    let replaced = format!("{cache}@{}", case.pull(&cache).digest);
    next(case, &flow, &layer("lib", "c", "second"));
    flow.until_build();
    export_to(&flow, &cache);
    case.differ(
        "",
        format!("{cache}@{}", case.pull(&cache).digest),
        replaced.clone(),
    );
    case.equal("", case.find(&replaced).is_some(), case.platform >= 13);
}

/// An archive of one file with any name, which well-behaved writers refuse.
fn archive_of(name: &str, content: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(1000);
    header.set_gid(1000);
    header.set_mtime(1);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    let mut archive = header.as_bytes().to_vec();
    archive.extend_from_slice(content.as_bytes());
    archive.resize(archive.len().div_ceil(512) * 512 + 1024, 0);
    archive
}

/// Metadata of a cache with one layer `lib`.
fn metadata_of(sha: &str) -> String {
    let layer = json!({"sha": sha, "data": {"says": "lib"}, "build": false, "launch": false, "cache": true});
    let buildpack = json!({"key": "example/layers", "version": "1.0", "layers": {"lib": layer}});
    json!({"buildpacks": [buildpack]}).to_string()
}

fn a_layer_that_is_not_what_the_cache_image_says_is_skipped(case: &Case<'_>) {
    let name = "/layers/example_layers/lib/content";
    let promised = digest(&archive_of(name, "promised"));
    for (content, is_whole) in [("promised", true), ("replaced", false)] {
        let mut recipe = Recipe::empty().label(METADATA, &metadata_of(&promised));
        recipe.layers.push(archive_of(name, content));
        recipe.config["rootfs"] = json!({"type": "layers", "diff_ids": [promised]});
        recipe.config["architecture"] = json!(architecture());
        let cache = case.push("cache", &recipe);
        let flow = flow(case, "");
        flow.until_detect();
        let outcome = flow
            .stage
            .phase("restorer", &[&format!("-cache-image={cache}")]);
        outcome.expect_code(0);
        let found = Found::read(case, &flow.stage, "lib");
        let expected = is_whole.then(|| content.to_owned());
        case.equal(
            "",
            (found.metadata.is_some(), found.content),
            (is_whole, expected),
        );
    }
}

fn an_archive_that_leaves_its_layer_writes_nothing_elsewhere(case: &Case<'_>) {
    let names = [
        "/layers/example_layers/lib/../../evil",
        "/layers/evil",
        "/workspace/evil",
        "../../workspace/evil",
        "/layers/example_layers/lib-evil/evil",
    ];
    for name in names {
        let flow = flow(case, "");
        let archive = archive_of(name, "evil");
        let sha = digest(&archive);
        flow.stage
            .write(&format!("cache/committed/{METADATA}"), &metadata_of(&sha));
        let path = flow.stage.path(&format!("cache/committed/{sha}.tar"));
        fs::write(path, archive).expect("write an archive");
        flow.until_detect();
        let outcome = flow.restore(&[]);
        case.equal("", outcome.code, 0);
        for place in [
            "layers/evil",
            "workspace/evil",
            "layers/example_layers/evil",
            "layers/example_layers/lib-evil",
            "layers/example_layers/lib",
            "layers/example_layers/lib.toml",
        ] {
            case.equal("", (place, flow.stage.path(place).exists()), (place, false));
        }
    }
}

/// Layers that nobody needs now are left out; those in the image can be made again from it, the others must be.
fn a_cache_has_at_most_the_size_it_may_have(case: &Case<'_>) {
    let script = layer("tool", "bc", "tool") + &layer("lib", "cl", "lib");
    let mut flow = flow(case, &script);
    flow.whole();
    let archives = |flow: &Flow<'_>| {
        let files = files(flow);
        files
            .iter()
            .filter(|name| name.contains("/sha256:"))
            .count()
    };
    let all = archives(&flow);
    for (size, left) in [("1Gi", all), ("1", 0)] {
        flow.stage.set("WHARF_CACHE_MAX_SIZE", size);
        flow.next().whole();
        case.equal("", archives(&flow), left);
    }
    case.equal("", &metadata(&flow)["buildpacks"][0]["layers"], &json!({}));
    flow.stage.set("WHARF_CACHE_MAX_SIZE", "much");
    let outcome = flow.export(&[]);
    case.exit("", &outcome, 3..=3);
    outcome.expect_words(&["WHARF_CACHE_MAX_SIZE", "'much' is no size"]);
}
