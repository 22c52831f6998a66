//! Builds that go on where the reference lifecycle stopped: on its image, its cache and its handoff files.
use crate::{
    compare::{assert_one_family, compare_cache, copy_cache, files_below, recorded_manifest},
    replay::{Replay, run},
};
use serde_json::{Value, json};
use spec_tests::{
    image::{Image, digest},
    read,
    stage::{RECORDED_REGISTRY, Stage},
};
use std::{collections::BTreeSet, fs, path::Path, process::Command};
use tempfile::TempDir;

const APIS: [&str; 4] = ["0.7", "0.9", "0.13", "0.15"];

/// Manifest and blobs, byte for byte.
fn push(from: &Path, to: &str) {
    let status = Command::new("skopeo")
        .args(["copy", "--quiet", "--insecure-policy", "--preserve-digests"])
        .arg("--dest-tls-verify=false")
        .arg(format!("dir:{}", from.display()))
        .arg(format!("docker://{to}"))
        .status()
        .expect("start skopeo; cargo xtask test installs it");
    assert!(status.success(), "skopeo could not push {}", from.display());
}

fn digests(manifest: &Value) -> Vec<&str> {
    let layers = manifest["layers"]
        .as_array()
        .expect("a manifest has layers");
    layers
        .iter()
        .map(|layer| layer["digest"].as_str().expect("a layer has a digest"))
        .collect()
}

impl Replay<'_> {
    /// A registry and directories as the reference left them after its first build.
    fn after_the_reference(api: &str) -> (Replay<'_>, Stage) {
        let replay = Replay::start(api);
        push(&replay.golden.join("first/image"), &replay.image());
        let stage = replay.stage();
        let cache = replay.golden.join("first/cache/committed");
        copy_cache(&cache, &stage.path("cache/committed"));
        (replay, stage)
    }

    /// Replaces what a phase of ours handed over by what the reference's handed over.
    fn hand_over(&self, stage: &Stage, recorded: &Path) {
        for file in files_below(recorded) {
            let inside = file.strip_prefix(recorded).expect("a file below its root");
            let text = read(&file).replace(RECORDED_REGISTRY, &self.registry.address());
            stage.write(&format!("layers/{}", inside.display()), &text);
        }
    }

    /// The recorded cache directory as the cache image that the reference would have made of the same layers.
    fn push_cache_image(&self, name: &str) {
        let dir = TempDir::new().expect("make a temporary directory");
        let put = |bytes: &[u8], media_type: &str| {
            let digest = digest(bytes);
            fs::write(dir.path().join(&digest[7..]), bytes).expect("write a blob");
            json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
        };
        let cache = self.golden.join("first/cache/committed");
        let label = "io.buildpacks.lifecycle.cache.metadata";
        let tars: BTreeSet<_> = files_below(&cache)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "tar"))
            .collect();
        let tars: Vec<Vec<u8>> = tars
            .iter()
            .map(|path| fs::read(path).expect("read a cached layer"))
            .collect();
        let diff_ids: Vec<String> = tars.iter().map(|tar| digest(tar)).collect();
        let config = json!({
            "architecture": "", "os": "linux", "created": "1980-01-01T00:00:01Z",
            "config": {"Labels": {label: read(&cache.join(label)).trim_end()}},
            "history": vec![json!({"created": "1980-01-01T00:00:01Z"}); tars.len()],
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let layer = "application/vnd.oci.image.layer.v1.tar";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json"),
            "layers": tars.iter().map(|tar| put(tar, layer)).collect::<Vec<_>>(),
        });
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text);
        write("manifest.json", &manifest.to_string()).expect("write the manifest");
        write("version", "Directory Transport Version: 1.1\n").expect("write the version");
        push(dir.path(), name);
    }
}

#[track_caller]
fn assert_all_reused(output: &str, what: &str) {
    for word in ["Adding layer", "Adding cache layer", "Added ", "Warning"] {
        assert!(!output.contains(word), "{what}: '{word}' is in:\n{output}");
    }
}

#[test]
fn a_build_on_the_references_image_cache_and_handoff_files_uploads_no_layer() {
    for api in APIS {
        let (replay, stage) = Replay::after_the_reference(api);
        let before = replay.registry.blobs();
        let mut output = String::new();
        for (folder, phase, args) in replay.phases("-cache-dir=/cache") {
            output = run(&stage, phase, &args);
            replay.compare_phase(&stage, "second", folder);
            replay.hand_over(&stage, &replay.golden.join("second").join(folder));
        }
        assert_all_reused(&output, api);
        replay.compare_image(&replay.golden.join("second/image"));
        compare_cache(
            &stage.path("cache/committed"),
            &replay.golden.join("second/cache/committed"),
        );
        let recorded = recorded_manifest(&replay.golden.join("first/image"));
        let ours = Image::pull(&format!("docker://{}", replay.image()));
        assert_eq!(digests(&ours.manifest), digests(&recorded), "{api}");
        let config = ours.manifest["config"]["digest"].as_str();
        let config = config.expect("a manifest names a config");
        let new: BTreeSet<String> = replay
            .registry
            .blobs()
            .difference(&before)
            .cloned()
            .collect();
        let expected = [config, &ours.digest].map(|digest| digest[7..].to_owned());
        assert_eq!(new, BTreeSet::from(expected), "{api}");
    }
}

#[test]
fn a_cache_image_of_the_references_layers_is_restored_and_reused() {
    for api in APIS {
        let (replay, stage) = Replay::after_the_reference(api);
        let cache = replay.registry.name("golden/cache:latest");
        replay.push_cache_image(&cache);
        let layers = |replay: &Replay<'_>| {
            let image = Image::pull(&format!(
                "docker://{}",
                replay.registry.name("golden/cache:latest")
            ));
            image.diff_ids()
        };
        let before = layers(&replay);
        let mut output = String::new();
        for (folder, phase, args) in replay.phases(&format!("-cache-image={cache}")) {
            output = run(&stage, phase, &args);
            replay.compare_phase(&stage, "second", folder);
        }
        assert_all_reused(&output, api);
        let after: BTreeSet<String> = layers(&replay).into_iter().collect();
        assert_eq!(after, before.into_iter().collect(), "{api}");
    }
}

#[test]
fn the_references_image_is_rebased_as_the_reference_does_it() {
    for api in APIS {
        let (replay, _) = Replay::after_the_reference(api);
        // The image names the run image of a registry that is gone. Newer APIs take another only by force, and then
        // name that in its labels.
        let run_image = format!("-run-image={} ", replay.registry.name("golden/run:base"));
        let is_old = ["0.7", "0.9"].contains(&api);
        let force = if is_old { "" } else { "-force " };
        let after = replay.rebase(&(run_image + force));
        if is_old {
            replay.compare_rebased_labels(&after);
        }
        let before = recorded_manifest(&replay.golden.join("first/image"));
        // The patched run image has one layer more.
        assert_eq!(
            digests(&after.manifest)[2..],
            digests(&before)[1..],
            "{api}"
        );
    }
}

#[test]
fn a_build_on_an_image_that_the_reference_rebased_reuses_every_layer_of_the_mixed_families() {
    for api in APIS {
        let replay = Replay::start(api);
        let client = replay.registry.client();
        let recorded = replay.golden.join("rebase/image");
        let manifest = recorded_manifest(&recorded);
        let config = manifest["config"]["digest"].as_str();
        // Not with skopeo, which refuses such an image.
        for digest in digests(&manifest).into_iter().chain(config) {
            let bytes = fs::read(recorded.join(&digest[7..])).expect("read a recorded blob");
            client.push_blob(&replay.path(), &bytes);
        }
        let docker = "application/vnd.docker.distribution.manifest.v2+json";
        let bytes = fs::read(recorded.join("manifest.json")).expect("read the recorded manifest");
        client.push_manifest(&replay.path(), "latest", docker, &bytes);
        let patched = replay.golden.join("run-after");
        replay.registry.push(&patched, "golden/run:base");
        let stage = replay.stage();
        let cache = replay.golden.join("second/cache/committed");
        copy_cache(&cache, &stage.path("cache/committed"));
        let mut output = String::new();
        for (_, phase, args) in replay.phases("-cache-dir=/cache") {
            output = run(&stage, phase, &args);
        }
        assert_all_reused(&output, api);
        let ours = Image::pull(&format!("docker://{}", replay.image()));
        assert_eq!(digests(&ours.manifest), digests(&manifest), "{api}");
        assert_one_family(&ours.manifest);
    }
}

#[test]
fn a_platform_that_changes_its_api_with_the_lifecycle_reuses_the_layers_of_buildpacks_and_app() {
    let pairs = APIS
        .iter()
        .flat_map(|from| APIS.iter().map(move |to| (*from, *to)));
    for (from, to) in pairs.filter(|(from, to)| from != to) {
        let replay = Replay::start(to);
        let reference = replay.golden.with_file_name(from);
        push(&reference.join("first/image"), &replay.image());
        let stage = replay.stage();
        let cache = reference.join("first/cache/committed");
        copy_cache(&cache, &stage.path("cache/committed"));
        let mut output = String::new();
        for (_, phase, args) in replay.phases("-cache-dir=/cache") {
            output = run(&stage, phase, &args);
        }
        for line in [
            "Reusing layer 'example/first:deps'",
            "Reusing layer 'example/first:only-launch'",
            "Reused 2/2 app layer(s)",
            "Reusing layer 'buildpacksio/lifecycle:launcher'",
            "Reusing layer 'buildpacksio/lifecycle:process-types'",
            "Reusing cache layer 'example/first:deps'",
            "Reusing cache layer 'example/first:tool'",
        ] {
            assert!(
                output.contains(line),
                "{from} -> {to}: '{line}' is not in:\n{output}"
            );
        }
    }
}
