//! Drafts: what is named changes, the rest stays.
use crate::{json, reference};
use serde_json::{Value, json};
use wharf_image::{Family, Image, ImageDraft, LayerSource, validate::validate};
use wharf_layer::Compression;
use wharf_testkit::{
    ImageRecipe,
    image_recipe::{digest, layer},
};

const CREATED: &str = "1980-01-01T00:00:01Z";

/// An image from documents of which `layers` are made up.
fn image(family: Family, layers: &[&str], mut config: Value, extra: &Value) -> Image {
    let diff_ids =
        (0..layers.len()).map(|number| digest(number.to_string().as_bytes()).to_string());
    config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids.collect::<Vec<_>>() });
    let config = config.to_string().into_bytes();
    let layers: Vec<Value> = layers
        .iter()
        .map(|media_type| json!({ "mediaType": media_type, "size": 1, "digest": digest(media_type.as_bytes()).to_string() }))
        .collect();
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": family.manifest(), "layers": layers,
        "config": { "mediaType": family.config(), "size": config.len(), "digest": digest(&config).to_string() },
    });
    manifest
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    Image::parse(manifest.to_string().into_bytes(), config).unwrap()
}

fn draft(base: &Image, keep_history: bool) -> ImageDraft {
    ImageDraft::from_base(base, &reference("r.example/base:1"), CREATED, keep_history)
}

fn sealed_config(draft: ImageDraft) -> Value {
    json(draft.seal().unwrap().image.config_bytes())
}

#[test]
fn keeps_annotations_variant_and_unknown_members_and_drops_what_the_build_left() {
    let config = json!({
        "zzz": { "b": 1, "a": 2 }, "os": "windows", "os.version": "10.0.1", "os.features": ["win32k"],
        "variant": "v3", "architecture": "amd64", "author": "me", "container": "c", "docker_version": "1",
        "container_config": { "Cmd": [] }, "moby.buildkit.cache.v0": "x", "created": "2024-05-06T07:08:09Z",
        "config": { "StopSignal": "SIGINT", "Custom": true, "Cmd": ["sh"], "ExposedPorts": { "80/tcp": {} } },
    });
    let extra = json!({ "annotations": { "b": "1", "a": "2" }, "subject": { "digest": "x" }, "artifactType": "y", "future": 1 });
    let base = image(Family::Oci, &[], config, &extra);
    let sealed = draft(&base, true).seal().unwrap();
    let expected = json!({
        "architecture": "amd64", "created": CREATED, "history": [], "os": "windows",
        "rootfs": { "type": "layers", "diff_ids": [] },
        "config": { "StopSignal": "SIGINT", "Custom": true, "Cmd": ["sh"], "ExposedPorts": { "80/tcp": {} } },
        "os.version": "10.0.1", "variant": "v3", "os.features": ["win32k"], "zzz": { "b": 1, "a": 2 },
    });
    assert_eq!(json(sealed.image.config_bytes()), expected);
    let manifest = json(sealed.image.manifest_bytes());
    assert_eq!(manifest["annotations"], json!({ "a": "2", "b": "1" }));
    assert_eq!(
        (
            &manifest["future"],
            manifest.get("subject"),
            manifest.get("artifactType")
        ),
        (&json!(1), None, None)
    );
}

#[test]
fn writes_one_canonical_order_whatever_the_order_of_the_base_and_of_the_edits() {
    let one = json!({ "os": "linux", "architecture": "amd64", "config": { "User": "1", "Env": ["A=1"], "Labels": { "b": "1", "a": "2" } } });
    let two = json!({ "architecture": "amd64", "config": { "Labels": { "a": "2" }, "Env": ["A=1"], "User": "1" }, "os": "linux" });
    let mut one = draft(&image(Family::Oci, &[], one, &json!({})), true);
    let mut two = draft(&image(Family::Oci, &[], two, &json!({})), true);
    one.set_label("c", "<&>");
    one.set_working_dir("/w");
    two.set_working_dir("/w");
    two.set_label("c", "<&>");
    two.set_label("b", "1");
    let (one, two) = (one.seal().unwrap().image, two.seal().unwrap().image);
    assert_eq!(one.digest(), two.digest());
    let expected = format!(
        r#"{{"architecture":"amd64","created":"{CREATED}","history":[],"os":"linux","rootfs":{{"diff_ids":[],"type":"layers"}},"config":{{"Env":["A=1"],"Labels":{{"a":"2","b":"1","c":"\u003c\u0026\u003e"}},"User":"1","WorkingDir":"/w"}}}}"#
    );
    assert_eq!(std::str::from_utf8(one.config_bytes()).unwrap(), expected);
    let expected = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","size":{},"digest":"{}"}},"layers":[]}}"#,
        Family::Oci.manifest(),
        Family::Oci.config(),
        one.config_bytes().len(),
        one.config_digest()
    );
    assert_eq!(std::str::from_utf8(one.manifest_bytes()).unwrap(), expected);
}

#[test]
fn edits_environment_in_place_and_appends_what_is_new() {
    let config = json!({ "config": { "Env": ["A=1", "PATH=/bin", "B=x=y", "A=2"] } });
    let mut draft = draft(&image(Family::Oci, &[], config, &json!({})), true);
    assert_eq!(
        (draft.env("A"), draft.env("B"), draft.env("C")),
        (Some("1"), Some("x=y"), None)
    );
    draft.set_env("A", "3");
    draft.set_env("NEW", "n");
    draft.set_env("PATH", "/cnb:/bin");
    draft.set_env("NEW", "m");
    assert_eq!(
        sealed_config(draft)["config"]["Env"],
        json!(["A=3", "PATH=/cnb:/bin", "B=x=y", "NEW=m"])
    );
}

#[test]
fn edits_what_is_missing_or_null() {
    let mut draft = draft(
        &image(
            Family::Oci,
            &[],
            json!({ "config": null }),
            &json!({ "annotations": null }),
        ),
        true,
    );
    draft.set_env("A", "1");
    draft.set_label("l", "v");
    draft.set_label("gone", "v");
    draft.remove_label("gone");
    draft.set_user("1000:1000");
    draft.set_entrypoint(&["/cnb/process/web".into()]);
    draft.set_annotation("n", "v");
    assert_eq!(draft.label("l"), Some("v"));
    let sealed = draft.seal().unwrap();
    let expected = json!({ "Env": ["A=1"], "Labels": { "l": "v" }, "User": "1000:1000", "Entrypoint": ["/cnb/process/web"] });
    assert_eq!(sealed.image.config()["config"], expected);
    assert_eq!(sealed.image.manifest()["annotations"], json!({ "n": "v" }));
}

#[test]
fn setting_the_entrypoint_removes_the_command() {
    let config =
        json!({ "config": { "Cmd": ["sh"], "ArgsEscaped": true, "Entrypoint": ["/old"] } });
    let mut draft = draft(&image(Family::Oci, &[], config, &json!({})), true);
    draft.set_entrypoint(&["/new".into()]);
    assert_eq!(
        sealed_config(draft)["config"],
        json!({ "Entrypoint": ["/new"] })
    );
}

fn with_history(history: &Value) -> Image {
    let layers = [
        Family::Oci.layer(Compression::Gzip),
        Family::Oci.layer(Compression::None),
    ];
    image(
        Family::Oci,
        &layers,
        json!({ "history": history }),
        &json!({}),
    )
}

#[test]
fn keeps_one_history_entry_per_layer() {
    let base = with_history(&json!([
        { "created": "2024-01-01T00:00:00Z", "created_by": "one", "comment": "c" },
        { "created_by": "env", "empty_layer": true },
        { "created": "2024-01-01T00:00:00Z", "created_by": "two", "empty_layer": false },
    ]));
    let mut draft = draft(&base, true);
    let mut named = layer(b"named", Compression::Gzip, Family::Oci);
    named.created_by = Some("mine".into());
    draft.push_layer(named);
    draft.push_layer(layer(b"blank", Compression::Gzip, Family::Oci));
    let expected = json!([
        { "created": CREATED, "created_by": "one", "comment": "c" },
        { "created": CREATED, "created_by": "two" },
        { "created": CREATED, "created_by": "mine" },
        { "created": CREATED },
    ]);
    assert_eq!(sealed_config(draft)["history"], expected);
}

#[test]
fn blanks_a_history_that_does_not_fit_the_layers() {
    for history in [json!(null), json!([]), json!([{ "created_by": "one" }])] {
        let draft = draft(&with_history(&history), true);
        assert_eq!(
            sealed_config(draft)["history"],
            json!([{ "created": CREATED }, { "created": CREATED }])
        );
    }
}

#[test]
fn blanks_all_history_when_told_to() {
    let mut draft = draft(
        &with_history(&json!([{ "created_by": "one" }, { "created_by": "two" }])),
        false,
    );
    let mut named = layer(b"named", Compression::Gzip, Family::Oci);
    named.created_by = Some("mine".into());
    draft.push_layer(named);
    let blank = json!({ "created": CREATED });
    assert_eq!(
        sealed_config(draft)["history"],
        json!([blank, blank, blank])
    );
}

#[test]
fn repairs_mixed_images_in_the_family_of_the_manifest() {
    for family in [Family::Docker, Family::Oci] {
        let layers = [Family::Docker, Family::Oci].map(|of| of.layer(Compression::Gzip));
        let config = json!({ "os": "linux", "architecture": "amd64" });
        let base = image(family, &layers, config, &json!({}));
        assert_ne!(validate(&base), Vec::<String>::new());
        let mut draft = draft(&base, true);
        let other = if family == Family::Oci {
            Family::Docker
        } else {
            Family::Oci
        };
        draft.push_layer(layer(b"mine", Compression::None, other));
        let sealed = draft.seal().unwrap();
        assert_eq!(validate(&sealed.image), Vec::<String>::new());
        let types: Vec<&str> = sealed
            .image
            .layers()
            .iter()
            .map(|layer| layer.descriptor.media_type.as_str())
            .collect();
        let gzip = family.layer(Compression::Gzip);
        assert_eq!(types, [gzip, gzip, family.layer(Compression::None)]);
        let of_sources: Vec<&str> = sealed
            .layers
            .iter()
            .map(|layer| layer.descriptor.media_type.as_str())
            .collect();
        assert_eq!(of_sources, types);
    }
}

#[test]
fn becomes_an_oci_image_when_a_layer_is_zstd() {
    let base = ImageRecipe::new()
        .family(Family::Docker)
        .layer(&[("/a", b"a", 0o644)])
        .build()
        .image;
    let mut draft = draft(&base, true);
    assert_eq!(draft.family(), Family::Docker);
    draft.push_layer(layer(b"mine", Compression::Zstd, Family::Docker));
    let image = draft.seal().unwrap().image;
    assert_eq!(image.family(), Family::Oci);
    assert_eq!(validate(&image), Vec::<String>::new());
    assert_eq!(
        image.layers()[1].descriptor.media_type,
        "application/vnd.oci.image.layer.v1.tar+zstd"
    );
}

#[test]
fn remembers_where_layers_are() {
    let base = ImageRecipe::new()
        .layer(&[("/a", b"a", 0o644)])
        .build()
        .image;
    let mut draft = draft(&base, true);
    draft.push_layer(layer(b"mine", Compression::Gzip, Family::Oci));
    let sealed = draft.seal().unwrap();
    let from = |number: usize| match &sealed.layers[number].source {
        LayerSource::Repository(repository) => Some(repository.to_string()),
        LayerSource::Bytes(_) => None,
    };
    assert_eq!(
        (from(0).as_deref(), from(1)),
        (Some("r.example/base:1"), None)
    );
}

#[test]
fn refuses_a_layer_of_no_known_kind() {
    let mut draft = draft(&ImageRecipe::new().build().image, true);
    let mut odd = layer(b"odd", Compression::Gzip, Family::Oci);
    odd.descriptor.media_type = "text/plain".into();
    draft.push_layer(odd);
    assert_eq!(
        draft.seal().unwrap_err().to_string(),
        "layer has media type 'text/plain': it is not a layer of a container image"
    );
}
