use super::*;
use std::str::FromStr;
use wharf_spec::files::group::GroupElement;

const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// Flags as in `build+cache+launch`.
fn layer(flags: &str, sha: &str) -> LayerMetadata {
    LayerMetadata {
        sha: sha.into(),
        data: Metadata::default(),
        build: flags.contains("build"),
        launch: flags.contains("launch"),
        cache: flags.contains("cache"),
    }
}

fn buildpack(layers: Vec<(&str, LayerMetadata)>) -> Vec<BuildpackLayers> {
    vec![BuildpackLayers {
        key: "some/bp".into(),
        version: "1".into(),
        layers: layers
            .into_iter()
            .map(|(name, layer)| (name.to_owned(), layer))
            .collect(),
        store: None,
    }]
}

fn group(ids: &[&str]) -> Group {
    let element = |id: &&str| GroupElement {
        id: BuildpackId::from_str(id).unwrap(),
        version: "1".into(),
        api: "0.12".into(),
        homepage: String::new(),
        extension: false,
        optional: false,
        exec_env: Vec::new(),
    };
    Group {
        group: ids.iter().map(element).collect(),
        group_extensions: Vec::new(),
    }
}

/// What comes back of a layer that is in the app image, the cache or both: metadata and data.
fn outcome(app: Option<LayerMetadata>, cache: Option<LayerMetadata>, launch: bool) -> String {
    let list = |layer: Option<LayerMetadata>| layer.map(|layer| ("x", layer)).into_iter().collect();
    let app = LifecycleMetadata {
        buildpacks: buildpack(list(app)),
        ..LifecycleMetadata::default()
    };
    let cache = CacheMetadata {
        buildpacks: buildpack(list(cache)),
        ..CacheMetadata::default()
    };
    let texts: Vec<_> = decide(&app, &cache, &group(&["some/bp"]), launch)
        .iter()
        .map(|decision| format!("{:?} {:?}", kind(&decision.metadata), decision.data))
        .collect();
    texts.join(" | ").replace(ONE, "one")
}

fn kind(metadata: &MetadataDecision) -> String {
    match metadata {
        MetadataDecision::Restore(origin, _) => format!("from {origin:?}"),
        MetadataDecision::Leave(_, reason) => format!("{reason:?}"),
    }
}

#[test]
fn every_combination_of_types_follows_the_table_of_the_specification() {
    // A layer as a build leaves it: launch layers in the app image, cache layers in the cache.
    let table = [
        ("build+cache+launch", "\"from AppImage\" Restore(one)"),
        ("build+cache", "\"from Cache\" Restore(one)"),
        ("build+launch", "\"BuildNotCached\" None"),
        ("build", ""),
        ("cache+launch", "\"from AppImage\" Restore(one)"),
        ("cache", "\"from Cache\" Restore(one)"),
        ("launch", "\"from AppImage\" None"),
        ("", ""),
    ];
    for launch_from_cache in [false, true] {
        for (flags, expected) in table {
            let app = flags.contains("launch").then(|| layer(flags, ONE));
            let cache = flags.contains("cache").then(|| layer(flags, ONE));
            assert_eq!(outcome(app, cache, launch_from_cache), expected, "{flags}");
        }
    }
}

#[test]
fn a_cached_launch_layer_needs_both_places_to_agree() {
    let both = |sha| {
        outcome(
            Some(layer("cache+launch", ONE)),
            Some(layer("cache+launch", sha)),
            false,
        )
    };
    assert_eq!(both(ONE), "\"from AppImage\" Restore(one)");
    assert_eq!(both(TWO), "\"from AppImage\" WrongSha");
    assert_eq!(both("no digest"), "\"from AppImage\" WrongSha");
    assert_eq!(
        outcome(Some(layer("cache+launch", ONE)), None, false),
        "\"NotInCache\" None"
    );
    assert_eq!(
        outcome(
            Some(layer("cache+launch", ONE)),
            Some(layer("launch", ONE)),
            false
        ),
        "\"NotInCache\" None | \"NotCached\" None"
    );
}

#[test]
fn a_cached_launch_layer_that_the_app_image_lacks_comes_back_where_the_api_says_so() {
    let lost =
        |launch_from_cache| outcome(None, Some(layer("cache+launch", ONE)), launch_from_cache);
    assert_eq!(lost(false), "\"LaunchInCache\" None");
    assert_eq!(lost(true), "\"from Cache\" Restore(one)");
}

#[test]
fn a_launch_layer_that_was_cached_before_gets_its_content_when_it_is_still_the_same() {
    let was_cached = |sha| {
        outcome(
            Some(layer("launch", ONE)),
            Some(layer("cache+launch", sha)),
            true,
        )
    };
    assert_eq!(was_cached(ONE), "\"from AppImage\" Restore(one)");
    assert_eq!(was_cached(TWO), "\"from AppImage\" WrongSha");
}

#[test]
fn layers_of_buildpacks_outside_the_group_are_left() {
    let app = LifecycleMetadata {
        buildpacks: buildpack(vec![("x", layer("launch", ONE))]),
        ..LifecycleMetadata::default()
    };
    assert_eq!(
        decide(&app, &CacheMetadata::default(), &group(&["other"]), true),
        []
    );
}

#[test]
fn names_that_leave_the_directory_are_left() {
    let layers = || {
        buildpack(vec![
            ("../x", layer("cache+launch", ONE)),
            ("store", layer("cache+launch", ONE)),
        ])
    };
    let app = LifecycleMetadata {
        buildpacks: layers(),
        ..LifecycleMetadata::default()
    };
    let cache = CacheMetadata {
        buildpacks: layers(),
        ..CacheMetadata::default()
    };
    let decisions = decide(&app, &cache, &group(&["some/bp"]), true);
    let kinds: Vec<_> = decisions
        .iter()
        .map(|decision| (kind(&decision.metadata), decision.data))
        .collect();
    let left = ("BadName".to_owned(), DataDecision::None);
    assert_eq!(kinds, [left.clone(), left]);
}

#[test]
fn lines_are_those_platforms_know() {
    let line = |metadata| {
        Decision {
            buildpack: BuildpackId::from_str("some/bp").unwrap(),
            layer: "x".into(),
            metadata,
            data: DataDecision::None,
        }
        .line()
    };
    let restore = |origin| MetadataDecision::Restore(origin, Metadata::default());
    assert_eq!(
        line(restore(Origin::AppImage)),
        (
            "Restoring metadata for \"some/bp:x\" from app image".into(),
            false
        )
    );
    assert_eq!(
        line(restore(Origin::Cache)),
        (
            "Restoring metadata for \"some/bp:x\" from cache".into(),
            false
        )
    );
    assert_eq!(
        line(MetadataDecision::Leave(
            Origin::AppImage,
            Reason::BuildNotCached
        )),
        (
            "Not restoring metadata for \"some/bp:x\", marked as build=true, cache=false".into(),
            true
        )
    );
}
