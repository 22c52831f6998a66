//! The judge of images.
use serde_json::{Value, json};
use wharf_image::{Family, Image, validate::validate};
use wharf_layer::Compression;
use wharf_testkit::{ImageRecipe, image_recipe::digest};

/// Problems of a good image after changes to its config and manifest.
fn problems(change: &dyn Fn(&mut Value, &mut Value)) -> Vec<String> {
    let good = ImageRecipe::new()
        .layer(&[("/a", b"a", 0o644)])
        .env("PATH", "/bin")
        .label("l", "v")
        .build()
        .image;
    let mut config: Value = serde_json::from_slice(good.config_bytes()).unwrap();
    let mut manifest: Value = serde_json::from_slice(good.manifest_bytes()).unwrap();
    let size = manifest["config"]["size"].clone();
    change(&mut manifest, &mut config);
    let config = config.to_string().into_bytes();
    manifest["config"]["digest"] = digest(&config).to_string().into();
    if manifest["config"]["size"] == size {
        manifest["config"]["size"] = config.len().into();
    }
    validate(&Image::parse(manifest.to_string().into_bytes(), config).unwrap())
}

#[test]
fn finds_nothing_wrong_with_a_good_image() {
    assert_eq!(problems(&|_, _| ()), Vec::<String>::new());
    // OCI manifests may leave out their media type.
    assert_eq!(
        problems(&|m, _| drop(m.as_object_mut().unwrap().remove("mediaType"))),
        Vec::<String>::new()
    );
    assert_eq!(
        problems(&|_, c| drop(c.as_object_mut().unwrap().remove("history"))),
        Vec::<String>::new()
    );
    let twice = |m: &mut Value, c: &mut Value| {
        let layer = m["layers"][0].clone();
        m["layers"].as_array_mut().unwrap().push(layer);
        let diff_id = c["rootfs"]["diff_ids"][0].clone();
        c["rootfs"]["diff_ids"]
            .as_array_mut()
            .unwrap()
            .push(diff_id);
        c["history"] = json!([{}, { "empty_layer": true }, {}]);
    };
    assert_eq!(problems(&twice), Vec::<String>::new());
}

/// A change to manifest and config, and what is then wrong.
type Fault = (fn(&mut Value, &mut Value), &'static str);

const FAULTS: [Fault; 15] = [
    (
        |m, _| m["schemaVersion"] = 1.into(),
        "manifest has no schemaVersion 2",
    ),
    (
        |m, _| m["config"]["size"] = 7.into(),
        "config has another size than its descriptor says",
    ),
    (
        |m, _| m["layers"][0]["size"] = 0.into(),
        "layer 0 has size 0",
    ),
    (
        |m, _| m["layers"][0]["mediaType"] = Family::Docker.layer(Compression::Gzip).into(),
        "layer 0 has media type application/vnd.docker.image.rootfs.diff.tar.gzip in a manifest of media type application/vnd.oci.image.manifest.v1+json",
    ),
    (
        |m, _| m["config"]["mediaType"] = Family::Docker.config().into(),
        "config is not of media type application/vnd.oci.image.config.v1+json",
    ),
    (
        |_, c| c["history"] = json!([]),
        "history has 0 entries for 1 layers",
    ),
    (
        |_, c| c["history"] = json!([{}, {}]),
        "history has 2 entries for 1 layers",
    ),
    (|_, c| c["os"] = "".into(), "config has no 'os'"),
    (
        |_, c| drop(c.as_object_mut().unwrap().remove("architecture")),
        "config has no 'architecture'",
    ),
    (
        |_, c| c["rootfs"]["type"] = "other".into(),
        "config has no rootfs of type 'layers'",
    ),
    (
        |_, c| c["created"] = 1.into(),
        "config has a 'created' that is no text",
    ),
    (
        |_, c| c["config"]["Env"] = json!(["A=1", "B=2", "A=3"]),
        "environment sets 'A' twice",
    ),
    (
        |_, c| c["config"]["Env"] = json!(["=1"]),
        "environment has a variable without a name",
    ),
    (
        |_, c| c["config"]["Labels"]["l"] = 1.into(),
        "label 'l' is no text",
    ),
    (
        |m, c| {
            m["layers"] = json!([]);
            c["rootfs"]["diff_ids"] = json!([]);
            c["history"] = json!([]);
        },
        "image has no layers",
    ),
];

#[test]
fn names_everything_that_is_wrong() {
    for (change, expected) in FAULTS {
        assert_eq!(problems(&change), [expected]);
    }
}

#[test]
fn wants_docker_manifests_to_name_their_media_type() {
    let change = |m: &mut Value, _: &mut Value| {
        m.as_object_mut().unwrap().remove("mediaType");
        m["config"]["mediaType"] = Family::Docker.config().into();
        m["layers"][0]["mediaType"] = Family::Docker.layer(Compression::Gzip).into();
    };
    assert_eq!(problems(&change), ["manifest has no media type of its own"]);
}
