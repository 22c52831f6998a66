//! `wharf inspect`.
use crate::place::{Place, base};
use serde_json::{Value, json};
use wharf_testkit::ImageRecipe;

/// An app image as the exporter labels it.
pub(crate) fn app(run_layers: &ImageRecipe, top_layer: &str, run_image: &str) -> ImageRecipe {
    let metadata = json!({
        "app": [{"sha": "sha256:0"}],
        "buildpacks": [],
        "config": {"sha": ""},
        "launcher": {"sha": ""},
        "process-types": {"sha": ""},
        "runImage": {"topLayer": top_layer, "reference": format!("{run_image}@sha256:{}", "0".repeat(64)), "image": run_image},
    });
    let build = json!({
        "buildpacks": [{"id": "example/first", "version": "1.0.0", "homepage": "https://example.org"}],
        "launcher": {"version": "1.2.3"},
        "processes": [{"type": "web", "command": ["python"], "args": ["-m", "app"], "direct": true, "buildpackID": "example/first"}],
    });
    run_layers
        .clone()
        .layer(&[("workspace/app.py", b"print()", 0o644)])
        .label("io.buildpacks.lifecycle.metadata", &metadata.to_string())
        .label("io.buildpacks.build.metadata", &build.to_string())
        .label("io.buildpacks.rebasable", "true")
        .label("team", "tools")
        .env("CNB_PLATFORM_API", "0.15")
        .entrypoint(&["/cnb/process/web"])
}

fn place() -> (Place, Vec<String>) {
    let place = Place::new();
    let run = base().layer(&[("etc/os-release", b"ID=tiny", 0o644)]);
    let top_layer = place.image("run", "1", &run).layers()[0]
        .diff_id
        .to_string();
    let image = place.image(
        "app",
        "v1",
        &app(&run, &top_layer, "registry.example/run:1"),
    );
    let mut digests = vec![image.digest().to_string()];
    digests.extend(
        image
            .layers()
            .iter()
            .map(|layer| layer.descriptor.digest.to_string()),
    );
    (place, digests)
}

#[test]
fn shows_what_people_look_for() {
    let (place, digests) = place();
    let out = place.wharf(&["inspect", "oci:app:v1"]).success();
    let platform = format!("linux/{}", crate::place::architecture());
    let image = place.read("app", "v1");
    let sizes: Vec<u64> = image
        .layers()
        .iter()
        .map(|layer| layer.descriptor.size)
        .collect();
    let expected = format!(
        "Image       oci:app:v1
Digest      {}
Platform    {platform}
Run image   registry.example/run:1
            registry.example/run:1@sha256:{}
Rebasable   yes
Buildpack   example/first 1.0.0
Process     web (default): python -m app
Layers      2, {} B
  {:>7} B  {}  run image
  {:>7} B  {}  
Label       team=tools
",
        digests[0],
        "0".repeat(64),
        sizes[0] + sizes[1],
        sizes[0],
        &digests[1][..19],
        sizes[1],
        &digests[2][..19],
    );
    assert_eq!(out, expected);
}

#[test]
fn writes_the_same_as_json() {
    let (place, digests) = place();
    let out = place.wharf(&["inspect", "--json", "oci:app:v1"]).success();
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["digest"], json!(digests[0]));
    assert_eq!(report["rebasable"], json!(true));
    assert_eq!(report["default_process"], json!("web"));
    assert_eq!(
        report["run_image"]["image"],
        json!("registry.example/run:1")
    );
    assert_eq!(report["layers"][0]["what"], json!("run image"));
    assert_eq!(report["labels"]["team"], json!("tools"));
}

#[test]
fn an_image_of_nobody_is_shown_too() {
    let place = Place::new();
    place.image("plain", "latest", &base().layer(&[("file", b"", 0o644)]));
    let out = place.wharf(&["inspect", "oci:plain"]).success();
    assert!(
        out.contains("Rebasable   unknown\nLayers      1, "),
        "{out}"
    );
}

#[test]
fn a_missing_image_is_named_with_advice() {
    let place = Place::new();
    let error = place.wharf(&["inspect", "oci:nowhere:v1"]).failure(1);
    assert_eq!(
        error,
        "error: failed to find image 'oci:nowhere:v1': there is no such image\nhint: the directory 'nowhere' must be an OCI layout with the tag 'v1'\n"
    );
}
