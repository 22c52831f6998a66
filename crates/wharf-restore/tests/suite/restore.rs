//! What comes back, what does not, and what is left on disk.
use crate::common::{OWNER, Stage, TOML, layer};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};
use wharf_layer::LayerContent;
use wharf_restore::{RestoreError, RestoredLayer, Sources, restore};
use wharf_spec::{
    api::{PlatformApi, SbomPaths},
    files::{fingerprints::Seen, parse},
    labels::lifecycle::{LayerSha, StoreMetadata},
    log::Level,
};
use wharf_testkit::{RecordingLog, image_recipe::archive};

const NOWHERE: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn latest() -> Stage {
    Stage::new(PlatformApi::LATEST)
}

#[test]
fn metadata_come_back_without_types_and_integers_stay_integers() {
    let mut stage = latest();
    stage.in_app("x", layer("launch", NOWHERE));
    let mut bare = layer("launch", NOWHERE);
    bare.data = parse("").unwrap();
    stage.in_app("y", bare);
    let log = RecordingLog::new();
    stage.restore(&log).unwrap();
    assert_eq!(
        stage.tree(),
        [
            "some_bp/".to_owned(),
            format!("some_bp/x.toml: {TOML}"),
            "some_bp/y.toml: ".to_owned()
        ]
    );
    let mode = fs::metadata(stage.path("some_bp/x.toml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(
        log.lines(Level::Info),
        [
            "Restoring metadata for \"some/bp:x\" from app image",
            "Restoring metadata for \"some/bp:y\" from app image",
        ]
    );
}

#[test]
fn content_comes_back_from_the_cache_with_its_modes_whatever_its_origin() {
    let mut stage = latest();
    let mut diff_ids = BTreeMap::new();
    for name in ["a", "b", "c", "d", "e"] {
        let diff_id = stage.cached_directory(&format!("some_bp/{name}"), "bin/file", name);
        diff_ids.insert(name, diff_id);
        let sha = diff_id.to_string();
        if name < "c" {
            stage.in_app(name, layer("cache+launch", &sha));
            stage.in_cache(name, layer("cache+launch", &sha));
        } else {
            stage.in_cache(name, layer("build+cache", &sha));
        }
    }
    let restored = stage.restore(&RecordingLog::new()).unwrap();
    let layers = ["a", "b", "c", "d", "e"].map(|name| RestoredLayer {
        name: format!("some/bp:{name}"),
        path: stage.path(&format!("some_bp/{name}")),
        diff_id: diff_ids[name],
        bytes: 1,
    });
    assert_eq!(restored.layers, layers);
    let seen = ["a", "b", "c", "d", "e"].map(|name| {
        let root = stage.path(&format!("some_bp/{name}"));
        let content = LayerContent::Tree {
            root: root.clone(),
            owner: OWNER,
        };
        let taken = content.fingerprint().unwrap().unwrap();
        Seen {
            root: root.to_str().unwrap().to_owned(),
            fingerprint: taken.fingerprint(),
            newest: taken.newest(),
            diff_id: diff_ids[name],
        }
    });
    assert_eq!(restored.fingerprints.seen, seen);
    for name in ["a", "b", "c", "d", "e"] {
        let file = stage.path(&format!("some_bp/{name}/bin/file"));
        assert_eq!(fs::read_to_string(&file).unwrap(), name);
        let metadata = fs::metadata(&file).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
        // 1980-01-01T00:00:00Z and one second, as every layer has it.
        assert_eq!(metadata.mtime(), 315_532_801);
    }
    let left = fs::read_dir(&stage.inputs.layers_dir).unwrap();
    assert_eq!(left.count(), 1);
}

#[test]
fn what_was_in_the_place_of_a_layer_is_replaced() {
    let mut stage = latest();
    let sha = stage
        .cached_directory("some_bp/x", "file", "new")
        .to_string();
    stage.in_cache("x", layer("build+cache", &sha));
    fs::create_dir_all(stage.path("some_bp/x/old")).unwrap();
    stage.restore(&RecordingLog::new()).unwrap();
    assert_eq!(
        stage.tree(),
        [
            "some_bp/",
            "some_bp/x.toml: [metadata]\n  d = 2020-01-02T03:04:05Z\n  f = 1.5\n  n = 7\n",
            "some_bp/x/",
            "some_bp/x/file: new",
        ]
    );
}

#[test]
fn a_layer_that_changed_since_it_was_cached_is_removed() {
    let mut stage = latest();
    let sha = stage.cached_directory("some_bp/x", "file", "x").to_string();
    stage.in_app("x", layer("cache+launch", NOWHERE));
    stage.in_cache("x", layer("cache+launch", &sha));
    let log = RecordingLog::new();
    stage.restore(&log).unwrap();
    assert_eq!(stage.tree(), Vec::<String>::new());
    assert_eq!(
        log.lines(Level::Info),
        [
            "Restoring metadata for \"some/bp:x\" from app image",
            "Removing \"some/bp:x\", wrong sha",
        ]
    );
}

/// Restores one cached layer whose archive `spoil` has seen, and returns warnings and what is on disk.
fn spoiled(spoil: impl FnOnce(&mut Stage, String)) -> (Vec<String>, Vec<String>) {
    let mut stage = latest();
    let sha = stage.cached_directory("some_bp/x", "file", "x").to_string();
    spoil(&mut stage, sha);
    let log = RecordingLog::new();
    stage.restore(&log).unwrap();
    (log.lines(Level::Warn), stage.tree())
}

#[test]
fn content_that_is_not_what_it_should_be_costs_a_warning_and_the_layer() {
    let (warnings, tree) = spoiled(|stage, sha| {
        stage.in_cache("x", layer("build+cache", &sha));
        let tar = stage.cache.layers.get_mut(&sha.parse().unwrap()).unwrap();
        let last = tar.len() - 1;
        tar[last] ^= 1;
    });
    assert!(
        warnings[0].starts_with("Skipping restore for layer sha256:"),
        "{warnings:?}"
    );
    assert_eq!((warnings.len(), tree), (1, vec!["some_bp/".to_owned()]));

    let (warnings, tree) = spoiled(|stage, _| {
        stage.in_cache("x", layer("build+cache", NOWHERE));
    });
    assert_eq!(
        warnings,
        [format!(
            "Skipping restore for layer {NOWHERE}: the cache does not have it"
        )]
    );
    assert_eq!(tree, ["some_bp/"]);
}

#[test]
fn an_archive_that_leaves_its_layer_is_refused() {
    for name in [
        "some_bp/y/file",
        "../before/file",
        "some_bp/x/../../../before/file",
    ] {
        let mut stage = latest();
        let path = format!("{}/{name}", stage.inputs.layers_dir.display());
        let sha = stage
            .archive(archive(&[(path.as_str(), b"evil", 0o644)]))
            .to_string();
        stage.in_cache("x", layer("build+cache", &sha));
        let log = RecordingLog::new();
        stage.restore(&log).unwrap();
        assert_eq!(stage.tree(), ["some_bp/"], "{name}");
        assert_eq!(fs::read_dir(stage.outside()).unwrap().count(), 0);
        assert_eq!(log.lines(Level::Warn).len(), 1);
    }
}

#[test]
fn one_bad_layer_does_not_keep_the_others_from_coming_back() {
    let mut stage = latest();
    let sha = stage
        .cached_directory("some_bp/good", "file", "good")
        .to_string();
    stage.in_cache("good", layer("build+cache", &sha));
    stage.in_cache("bad", layer("build+cache", NOWHERE));
    let restored = stage.restore(&RecordingLog::new()).unwrap();
    assert_eq!(restored.layers.len(), 1);
    let tree = stage.tree();
    assert!(tree.contains(&"some_bp/good/file: good".to_owned()));
    assert!(!tree.iter().any(|line| line.contains("bad")));
}

#[test]
fn a_layers_directory_that_cannot_be_written_is_an_error() {
    let mut stage = latest();
    let sha = stage.cached_directory("some_bp/x", "file", "x").to_string();
    stage.in_cache("x", layer("build+cache", &sha));
    fs::write(stage.path("some_bp"), "a file in the way").unwrap();
    let error = stage.restore(&RecordingLog::new()).unwrap_err();
    assert!(matches!(error, RestoreError::Io { .. }), "{error:?}");
}

#[test]
fn store_toml_comes_back_even_when_layers_are_skipped_where_the_api_says_so() {
    for api in PlatformApi::ALL {
        let mut stage = Stage::new(api);
        stage.app().buildpacks[0].store = Some(StoreMetadata {
            metadata: parse("n = 7").unwrap(),
        });
        let mut outside = stage.app().buildpacks[0].clone();
        outside.key = "other/bp".into();
        stage.app().buildpacks.push(outside);
        stage.in_app("x", layer("launch", NOWHERE));
        stage.inputs.skip_layers = true;
        let log = RecordingLog::new();
        stage.restore(&log).unwrap();
        let expected: &[&str] = if api.features().store_always_restored {
            &["some_bp/", "some_bp/store.toml: [metadata]\n  n = 7\n"]
        } else {
            &[]
        };
        assert_eq!(stage.tree(), expected, "{api}");
        assert_eq!(
            log.lines(Level::Info),
            ["Skipping buildpack layer analysis"]
        );
        assert_eq!(*stage.cache.opened.lock().unwrap(), []);
    }
}

#[test]
fn a_missing_cache_is_said() {
    let stage = latest();
    let log = RecordingLog::new();
    let sources = Sources::default();
    restore(&stage.inputs, &stage.analyzed, &stage.group, sources, &log).unwrap();
    assert_eq!(log.lines(Level::Info), Vec::<String>::new());
    let mut empty = latest();
    empty.cache.metadata.buildpacks.clear();
    empty.restore(&log).unwrap();
    assert_eq!(log.lines(Level::Info), ["Layer cache not found"]);
}

#[test]
fn sbom_files_of_restored_layers_come_back_and_no_others() {
    for api in PlatformApi::ALL {
        let mut stage = Stage::new(api);
        let mut files = Vec::new();
        for name in ["cached", "left", "../../before", "launch"] {
            let path = stage.path(&format!("sbom/cache/some_bp/{name}/sbom.cdx.json"));
            files.push(path.display().to_string());
        }
        let files: Vec<_> = [&files[0], &files[1], &files[3]]
            .iter()
            .map(|path| (path.as_str(), b"from cache".as_slice(), 0o644))
            .collect();
        let sbom = stage.archive(archive(&files));
        stage.cache.metadata.sbom = LayerSha::new(sbom);
        let sha = stage
            .cached_directory("some_bp/cached", "file", "x")
            .to_string();
        stage.in_cache("cached", layer("build+cache", &sha));
        stage.in_app("launched", layer("launch", NOWHERE));
        stage.in_app("left", layer("build+launch", NOWHERE));
        // What the analyzer has extracted from the previous image.
        let launch = stage.path("sbom/launch/some_bp");
        for name in ["launched", "left"] {
            fs::create_dir_all(launch.join(name)).unwrap();
            fs::write(launch.join(name).join("sbom.spdx.json"), "from app").unwrap();
        }
        fs::write(launch.join("sbom.cdx.json"), "of the whole app").unwrap();
        stage.restore(&RecordingLog::new()).unwrap();
        let found: Vec<_> = stage
            .tree()
            .into_iter()
            .filter(|line| line.contains("sbom"))
            .collect();
        if api.features().sbom_paths == SbomPaths::ByKind {
            assert_eq!(
                found,
                [
                    "some_bp/cached.sbom.cdx.json: from cache",
                    "some_bp/launched.sbom.spdx.json: from app",
                ],
                "{api}"
            );
        } else {
            assert!(found.iter().all(|line| line.starts_with("sbom/")), "{api}");
        }
    }
}
