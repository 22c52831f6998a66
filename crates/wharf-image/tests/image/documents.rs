//! Documents from stores: taken as they are or refused by name.
use serde_json::{Value, json};
use wharf_image::{
    Family, Image, ImageError, Platform,
    image::{MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES},
    index,
};
use wharf_spec::target::{Distro, Target};
use wharf_testkit::{
    ImageRecipe,
    image_recipe::{digest, platform},
};

const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn config() -> Value {
    json!({
        "architecture": "arm64", "os": "linux", "variant": "v8", "unknown": { "b": 1, "a": 2 },
        "rootfs": { "type": "layers", "diff_ids": [digest(b"layer").to_string()] },
        "config": {
            "Env": ["PATH=/bin", "WITH=a=b=c", "EMPTY=", "BARE"],
            "User": "1000:1000",
            "Labels": {
                "io.buildpacks.base.id": "example.id",
                "io.buildpacks.base.distro.name": "debian",
                "io.buildpacks.base.distro.version": "12",
            },
        },
    })
}

fn manifest(config: &[u8], media_type: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": config.len(), "digest": digest(config).to_string(),
        },
        "layers": [{ "mediaType": media_type, "size": 5, "digest": digest(b"blob").to_string(), "annotations": { "a": "b" } }],
        "annotations": { "unknown": "kept" },
    })
}

/// Parses a changed manifest over the usual config.
fn parse_with(change: &dyn Fn(&mut Value)) -> Result<Image, ImageError> {
    let config = config().to_string().into_bytes();
    let mut manifest = manifest(&config, OCI_LAYER);
    change(&mut manifest);
    Image::parse(manifest.to_string().into_bytes(), config)
}

fn parse_config(config: &str) -> Result<Image, ImageError> {
    let manifest = manifest(config.as_bytes(), OCI_LAYER);
    Image::parse(
        manifest.to_string().into_bytes(),
        config.as_bytes().to_vec(),
    )
}

#[test]
fn keeps_the_bytes_and_members_it_was_given() {
    let config = config().to_string().into_bytes();
    let manifest = manifest(&config, OCI_LAYER).to_string().into_bytes();
    let image = Image::parse(manifest.clone(), config.clone()).unwrap();
    assert_eq!(image.manifest_bytes(), manifest);
    assert_eq!(image.config_bytes(), config);
    assert_eq!(image.digest(), digest(&manifest));
    assert_eq!(image.config_digest(), digest(&config));
    assert_eq!(
        image.manifest()["annotations"],
        json!({ "unknown": "kept" })
    );
    assert_eq!(image.config()["unknown"], json!({ "b": 1, "a": 2 }));
    let layer = &image.layers()[0];
    assert_eq!(layer.descriptor.digest, digest(b"blob"));
    assert_eq!(layer.descriptor.size, 5);
    assert_eq!(layer.descriptor.rest["annotations"], json!({ "a": "b" }));
    assert_eq!(layer.diff_id, digest(b"layer"));
    assert_eq!(image.top_layer(), Some(digest(b"layer")));
}

#[test]
fn answers_what_the_config_says() {
    let image = parse_with(&|_| ()).unwrap();
    let values = ["PATH", "WITH", "EMPTY", "BARE", "MISSING"].map(|name| image.env(name));
    assert_eq!(
        values,
        [Some("/bin"), Some("a=b=c"), Some(""), Some(""), None]
    );
    assert_eq!(image.label("io.buildpacks.base.id"), Some("example.id"));
    assert_eq!(image.label("missing"), None);
    assert_eq!(image.user(), "1000:1000");
    let expected = Target {
        id: "example.id".into(),
        os: "linux".into(),
        arch: "arm64".into(),
        arch_variant: "v8".into(),
        distro: Some(Distro {
            name: "debian".into(),
            version: "12".into(),
        }),
    };
    assert_eq!(image.target(), expected);
}

#[test]
fn an_image_of_the_stack_bionic_is_of_ubuntu_18_04_unless_it_says_otherwise() {
    let distro = |labels: Value| {
        let config =
            json!({ "os": "linux", "architecture": "amd64", "config": { "Labels": labels } });
        let config = config.to_string().into_bytes();
        let mut manifest = manifest(&config, OCI_LAYER);
        manifest["layers"] = json!([]);
        let image = Image::parse(manifest.to_string().into_bytes(), config).unwrap();
        image.target().distro
    };
    let bionic = "io.buildpacks.stacks.bionic";
    assert_eq!(
        distro(json!({ "io.buildpacks.stack.id": bionic })),
        Some(Distro {
            name: "ubuntu".into(),
            version: "18.04".into(),
        })
    );
    assert_eq!(
        distro(
            json!({ "io.buildpacks.stack.id": bionic, "io.buildpacks.base.distro.name": "own" })
        ),
        Some(Distro {
            name: "own".into(),
            version: String::new(),
        })
    );
    assert_eq!(distro(json!({ "io.buildpacks.stack.id": "other" })), None);
}

#[test]
fn takes_null_for_nothing_as_go_writes_it() {
    let config = json!({ "os": "linux", "architecture": "amd64", "config": null, "rootfs": { "type": "layers", "diff_ids": null } });
    let config = config.to_string().into_bytes();
    let mut manifest = manifest(&config, OCI_LAYER);
    manifest["layers"] = Value::Null;
    let image = Image::parse(manifest.to_string().into_bytes(), config).unwrap();
    assert_eq!(image.layers(), []);
    assert_eq!(
        (image.env("PATH"), image.label("a"), image.top_layer()),
        (None, None, None)
    );
    assert_eq!(image.target().distro, None);
}

#[test]
fn infers_the_family_from_the_config_when_the_manifest_names_none() {
    let family = |media_type: &str| {
        parse_with(&|manifest| manifest["config"]["mediaType"] = media_type.into())
            .unwrap()
            .family()
    };
    assert_eq!(
        family("application/vnd.oci.image.config.v1+json"),
        Family::Oci
    );
    assert_eq!(
        family("application/vnd.docker.container.image.v1+json"),
        Family::Docker
    );
}

#[test]
fn takes_layers_of_both_families_in_one_image() {
    let docker = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    let image = parse_with(&|manifest| manifest["layers"][0]["mediaType"] = docker.into()).unwrap();
    assert_eq!(image.family(), Family::Oci);
    assert_eq!(image.layers()[0].descriptor.media_type, docker);
}

/// A change to a manifest, and why it is then refused.
type Refusal = (fn(&mut Value), &'static str);

const REFUSALS: [Refusal; 15] = [
    (
        |m| m["mediaType"] = "application/vnd.docker.distribution.manifest.v1+prettyjws".into(),
        "manifest has media type 'application/vnd.docker.distribution.manifest.v1+prettyjws': manifests of schema 1 are unsupported, push the image again with a current client",
    ),
    (
        |m| *m = json!({ "schemaVersion": 1, "fsLayers": [] }),
        "manifest has media type '': manifests of schema 1 are unsupported, push the image again with a current client",
    ),
    (
        |m| m["mediaType"] = "application/vnd.oci.image.index.v1+json".into(),
        "manifest has media type 'application/vnd.oci.image.index.v1+json': it is an index of images, not an image",
    ),
    (
        |m| *m = json!({ "schemaVersion": 2, "manifests": [] }),
        "manifest has media type '': it is an index of images, not an image",
    ),
    (
        |m| m["mediaType"] = "text/html".into(),
        "manifest has media type 'text/html': it is not an image manifest",
    ),
    (
        |m| m["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json".into(),
        "config has media type 'application/vnd.cncf.helm.config.v1+json': it is not the config of an image, but of some other artifact",
    ),
    (
        |m| {
            m["layers"][0]["mediaType"] =
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".into();
        },
        "layer has media type 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip': layers that are stored elsewhere are unsupported",
    ),
    (
        |m| {
            m["layers"][0]["mediaType"] =
                "application/vnd.oci.image.layer.v1.tar+gzip+encrypted".into();
        },
        "layer has media type 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted': encrypted layers are unsupported, decrypt the image first",
    ),
    (
        |m| m["layers"][0]["mediaType"] = "text/plain".into(),
        "layer has media type 'text/plain': it is not a layer of a container image",
    ),
    (
        |m| m["layers"][0]["size"] = (-1).into(),
        "manifest is malformed: a descriptor in 'layers' has no 'size' that is a number of bytes",
    ),
    (
        |m| m["layers"][0]["digest"] = "sha512:00".into(),
        "manifest is malformed: a descriptor in 'layers' names a digest that cannot be used: 'sha512:00' is not a digest, expected sha256: and 64 hex digits",
    ),
    (
        |m| m["layers"] = "none".into(),
        "manifest is malformed: 'layers' is not an array",
    ),
    (
        |m| m["layers"] = json!([]),
        "manifest has 0 layers but the config has 1 diff ids",
    ),
    (
        |m| m["config"] = Value::Null,
        "manifest is malformed: a descriptor in 'config' is not an object",
    ),
    (
        |m| *m = json!([]),
        "manifest is malformed: it is not a JSON object",
    ),
];

#[test]
fn refuses_what_is_no_image_and_says_why() {
    for (change, expected) in REFUSALS {
        assert_eq!(parse_with(&change).unwrap_err().to_string(), expected);
    }
}

#[test]
fn refuses_broken_configs() {
    let broken = [
        ("[1]", "config is malformed: it is not a JSON object"),
        (
            "{",
            "config is malformed: EOF while parsing an object at line 1 column 1",
        ),
        (
            r#"{"rootfs":{"diff_ids":{}}}"#,
            "config is malformed: 'rootfs.diff_ids' is not an array",
        ),
        (
            r#"{"rootfs":{"diff_ids":["x"]}}"#,
            "config is malformed: 'rootfs.diff_ids' has what is not a sha256 digest",
        ),
    ];
    for (config, expected) in broken {
        assert_eq!(parse_config(config).unwrap_err().to_string(), expected);
    }
    let deep = format!("{}{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    assert!(matches!(
        parse_config(&deep),
        Err(ImageError::Malformed { .. })
    ));
}

#[test]
fn refuses_a_config_that_the_manifest_does_not_name() {
    let manifest = manifest(b"{}", OCI_LAYER).to_string().into_bytes();
    let error = Image::parse(manifest, b"{ }".to_vec()).unwrap_err();
    assert_eq!(
        error,
        ImageError::ConfigDigest {
            expected: digest(b"{}"),
            actual: digest(b"{ }")
        }
    );
}

#[test]
fn refuses_documents_beyond_the_limits() {
    let padded = |limit: u64| " ".repeat(usize::try_from(limit).unwrap() + 1);
    let error = Image::config_descriptor(padded(MAX_MANIFEST_BYTES).as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "manifest has 4194305 bytes, more than the 4194304 that are read"
    );
    let error = parse_config(&padded(MAX_CONFIG_BYTES)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "config has 8388609 bytes, more than the 8388608 that are read"
    );
    let error = index::parse(padded(MAX_MANIFEST_BYTES).as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "index has 4194305 bytes, more than the 4194304 that are read"
    );
}

#[test]
fn chooses_from_an_index_by_platform() {
    let entry = |platform: Value| {
        let text = platform.to_string();
        json!({ "mediaType": Family::Oci.manifest(), "size": 1, "digest": digest(text.as_bytes()).to_string(), "platform": platform })
    };
    let entries = json!({ "schemaVersion": 2, "manifests": [
        entry(json!({ "os": "unknown", "architecture": "unknown" })),
        entry(json!({ "os": "linux", "architecture": "arm", "variant": "v6" })),
        entry(json!({ "os": "linux", "architecture": "arm", "variant": "v7" })),
        entry(json!({ "os": "linux", "architecture": "arm64", "variant": "v8" })),
        entry(json!({ "os": "windows", "architecture": "amd64" })),
        entry(json!({ "os": "linux", "architecture": "amd64" })),
    ]});
    let entries = entries.to_string();
    assert_eq!(index::is_index(entries.as_bytes()), Ok(true));
    let entries = index::parse(entries.as_bytes()).unwrap();
    let select = |architecture: &str, variant: Option<&str>| {
        let wanted = Platform {
            variant: variant.map(Into::into),
            ..platform("linux", architecture)
        };
        index::select(&entries, &wanted).map(|entry| entry.platform.clone().unwrap().to_string())
    };
    assert_eq!(select("amd64", None).as_deref(), Some("linux/amd64"));
    assert_eq!(select("arm64", None).as_deref(), Some("linux/arm64/v8"));
    assert_eq!(select("arm", None).as_deref(), Some("linux/arm/v6"));
    assert_eq!(select("arm", Some("v7")).as_deref(), Some("linux/arm/v7"));
    assert_eq!(select("arm", Some("v5")), None);
    assert_eq!(select("riscv64", None), None);
    assert_eq!(
        index::offered(&entries),
        "linux/arm/v6, linux/arm/v7, linux/arm64/v8, windows/amd64, linux/amd64"
    );
    let image = ImageRecipe::new().build().image;
    assert_eq!(index::is_index(image.manifest_bytes()), Ok(false));
}
