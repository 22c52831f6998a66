//! Registries whose documents are not what their digests and sizes say.
use crate::ground::{Ground, before};
use serde_json::Value;
use spec_tests::{
    front::{Front, Verdict},
    image::{Image, digest},
};

/// The run image's manifest.
fn manifest(ground: &Ground) -> (String, String, Value) {
    let (media_type, bytes) = ground
        .registry
        .client()
        .manifest("golden/run", "base")
        .expect("the run image is there");
    let value = serde_json::from_slice(&bytes).expect("parse the manifest");
    let known = String::from_utf8(bytes).expect("a manifest is text");
    (media_type, known, value)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect("it is text")
}

/// Analyzes with a run image from a front that changes answers to paths that end in `path`.
fn analyze_with(ground: &Ground, path: String, old: &str, new: &str, words: &[&str]) {
    let (old, new) = (old.as_bytes().to_vec(), new.as_bytes().to_vec());
    let front = Front::start(ground.registry.address(), move |_, asked| {
        if asked.ends_with(&path) {
            Verdict::Replace(old.clone(), new.clone())
        } else {
            Verdict::Pass
        }
    });
    let run_image = front.name("golden/run:base");
    let args = ["-run-image".to_owned(), run_image.clone(), ground.image()];
    let repository = front.name("golden/run");
    let words = [words, &[repository.as_str()]].concat();
    ground.fails("analyzer", &args, 32, &words);
}

#[test]
fn a_manifest_that_is_not_what_its_digest_says_is_refused() {
    let ground = Ground::new();
    let (_, manifest, _) = manifest(&ground);
    let promised = digest(manifest.as_bytes());
    let path = "/manifests/base".to_owned();
    analyze_with(
        &ground,
        path,
        "\"schemaVersion\":2",
        "\"schemaVersion\": ",
        &[&promised],
    );
}

#[test]
fn a_config_that_is_not_what_the_manifest_says_is_refused() {
    let ground = Ground::new();
    let (_, _, manifest) = manifest(&ground);
    let digest = text(&manifest["config"], "digest");
    let path = format!("/blobs/{digest}");
    analyze_with(&ground, path, "linux", "Linux", &[digest]);
}

#[test]
fn a_config_of_another_size_than_the_manifest_says_is_refused() {
    let ground = Ground::new();
    let (media_type, known, parsed) = manifest(&ground);
    let size = parsed["config"]["size"].as_u64().expect("a size");
    for wrong in [size - 1, size + 1] {
        let changed = known.replace(&format!("\"size\":{size}"), &format!("\"size\":{wrong}"));
        let client = ground.registry.client();
        client.push_manifest("golden/run", "lies", &media_type, changed.as_bytes());
        let run_image = ground.registry.name("golden/run:lies");
        let args = ["-run-image".to_owned(), run_image, ground.image()];
        let words = ["golden/run:lies", &format!("{wrong} bytes was promised")];
        ground.fails("analyzer", &args, 32, &words);
    }
}

#[test]
fn a_cached_layer_that_is_not_what_its_digest_says_is_left_out_whole() {
    let ground = Ground::new();
    let cache = ground.registry.name("app/cache");
    let creator = [
        "-layers=/layers",
        "-app=/workspace",
        "-launcher=/cnb/launcher",
        &format!("-cache-image={cache}"),
        &ground.registry.name("app/first"),
    ];
    ground.stage.phase("creator", &creator).expect_code(0);
    let image = Image::pull(&format!("docker://{cache}"));
    let layer = image.diff_ids().swap_remove(0);
    let blob = ground.registry.client();
    let blob = blob.blob("app/cache", &image.layers()[0].0);
    let end = blob[blob.len() - 8..].to_vec();
    let changed: Vec<u8> = end.iter().map(|byte| !byte).collect();
    let front = Front::start(ground.registry.address(), move |_, asked| {
        if asked.contains("/blobs/") {
            Verdict::Replace(end.clone(), changed.clone())
        } else {
            Verdict::Pass
        }
    });
    let next = Ground::new();
    before(&next.stage, &next.image(), "restorer");
    let cache = format!("-cache-image={}", front.name("app/cache"));
    let outcome = next.stage.phase("restorer", &["-layers=/layers", &cache]);
    outcome.expect_code(0).expect_words(&["Warning: ", &layer]);
    let restored = |name: &str| {
        next.stage
            .path(&format!("layers/example_first/{name}"))
            .exists()
    };
    // The buildpack makes the first one again; the other one is as good as ever.
    assert_eq!(
        ["deps", "deps.toml", "tool", "tool.toml"].map(restored),
        [false, false, true, true]
    );
}
