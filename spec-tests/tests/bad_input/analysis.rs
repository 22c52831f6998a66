//! Registries and images that are not there or not the right ones.
use crate::ground::{API, Ground};
use spec_tests::{fixture, image::digest, read};
use std::fs;

#[test]
fn an_unreachable_registry_names_its_address() {
    let ground = Ground::new();
    let args = ["-layers=/layers".to_owned(), "127.0.0.1:9/app".to_owned()];
    ground.fails("analyzer", &args, 32, &["127.0.0.1:9"]);
}

#[test]
fn a_missing_run_image_names_it() {
    let ground = Ground::new();
    let run_image = ground.registry.name("golden/none:1");
    let args = ["-run-image".to_owned(), run_image.clone(), ground.image()];
    ground.fails("analyzer", &args, 3, &[&run_image]);
}

#[test]
fn a_run_image_that_went_away_after_analysis_names_it() {
    let ground = Ground::new();
    let args = ground.before("exporter");
    let (_, manifest) = ground
        .registry
        .client()
        .manifest("golden/run", "base")
        .expect("the run image is there");
    let digest = digest(&manifest);
    ground.registry.delete("golden/run", &digest);
    ground.fails("exporter", &args, 62, &["golden/run", &digest]);
}

#[test]
fn a_run_image_of_another_platform_names_both() {
    let ground = Ground::new();
    let dir = tempfile::TempDir::new().expect("make a temporary directory");
    let from = fixture("golden/reference").join(API).join("run-before");
    let manifest = read(&from.join("manifest.json"));
    let parsed: serde_json::Value = serde_json::from_str(&manifest).expect("parse the manifest");
    let known = parsed["config"]["digest"].as_str().expect("a digest")[7..].to_owned();
    let config = read(&from.join(&known)).replace("amd64", "s390x");
    let changed = digest(config.as_bytes())[7..].to_owned();
    for entry in fs::read_dir(&from).expect("list the image") {
        let path = entry.expect("read a directory entry").path();
        fs::copy(&path, dir.path().join(path.file_name().expect("a name"))).expect("copy a blob");
    }
    let size = format!("\"size\":{}", parsed["config"]["size"]);
    let manifest = manifest
        .replace(&known, &changed)
        .replace(&size, &format!("\"size\":{}", config.len()));
    fs::write(dir.path().join("manifest.json"), manifest).expect("write the manifest");
    fs::write(dir.path().join(&changed), config).expect("write the config");
    ground.registry.push(dir.path(), "golden/run:other");
    let run_image = ground.registry.name("golden/run:other");
    let args = ["-run-image".to_owned(), run_image, ground.image()];
    ground.fails("analyzer", &args, 32, &["s390x", "amd64"]);
}
