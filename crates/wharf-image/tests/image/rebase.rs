//! Rebasing drafts.
use crate::{json, reference};
use serde_json::json;
use wharf_image::{Family, Image, ImageDraft, LayerSource, SealedImage, validate::validate};
use wharf_layer::Compression;
use wharf_spec::digest::Digest;
use wharf_testkit::{
    ImageRecipe,
    image_recipe::{digest, layer},
};

const LABEL: &str = "io.buildpacks.lifecycle.metadata";

/// An image whose layers hold these texts, with a label that lists `listed` of them as slices.
fn image(texts: &[&str], listed: Option<&[&str]>) -> Image {
    let mut recipe = ImageRecipe::new().label("own", "kept");
    for text in texts {
        recipe = recipe.raw_layer(text.as_bytes().to_vec()).created_by(text);
    }
    if let Some(listed) = listed {
        let slices: Vec<_> = listed
            .iter()
            .map(|text| json!({ "sha": diff_id(text).to_string() }))
            .collect();
        recipe = recipe.label(LABEL, &json!({ "app": slices }).to_string());
    }
    recipe.build().image
}

fn diff_id(text: &str) -> Digest {
    digest(text.as_bytes())
}

fn rebase(app: &Image, old_top: &str, new_base: &Image) -> Option<SealedImage> {
    let (at, base_at) = (
        reference("r.example/app:1"),
        reference("r.example/new-run:1"),
    );
    ImageDraft::rebase(app, &at, diff_id(old_top), new_base, &base_at)
        .map(|draft| draft.seal().unwrap())
}

fn layers(sealed: &SealedImage) -> Vec<Digest> {
    sealed
        .image
        .layers()
        .iter()
        .map(|layer| layer.diff_id)
        .collect()
}

#[test]
fn exchanges_the_layers_below_and_keeps_those_above() {
    let app = image(&["run", "slice", "config"], Some(&["slice", "config"]));
    let sealed = rebase(&app, "run", &image(&["new", "newer"], None)).unwrap();
    assert_eq!(
        layers(&sealed),
        ["new", "newer", "slice", "config"].map(diff_id)
    );
    assert_eq!(validate(&sealed.image), Vec::<String>::new());
    assert_eq!(sealed.image.label("own"), Some("kept"));
    let entry = |text: &str| json!({ "created": "2024-01-01T00:00:00Z", "created_by": text });
    let expected = ["new", "newer", "slice", "config"].map(entry);
    assert_eq!(
        json(sealed.image.config_bytes())["history"],
        json!(expected)
    );
    let from = |source: &LayerSource| match source {
        LayerSource::Repository(repository) => repository.to_string(),
        LayerSource::Bytes(_) => String::new(),
    };
    let sources: Vec<String> = sealed
        .layers
        .iter()
        .map(|layer| from(&layer.source))
        .collect();
    let (base, app) = ("r.example/new-run:1", "r.example/app:1");
    assert_eq!(sources, [base, base, app, app]);
}

#[test]
fn finds_no_place_when_the_old_top_is_not_there() {
    let app = image(&["run", "slice"], Some(&["slice"]));
    assert!(rebase(&app, "other", &image(&["new"], None)).is_none());
}

#[test]
fn tells_the_base_from_the_app_when_the_old_top_stands_there_twice() {
    // Regression for a known trap of the reference: equal empty layers in base or app.
    let cases: [(&[&str], &[&str], &[&str]); 4] = [
        // The base holds its top layer twice.
        (&["top", "mid", "top", "slice"], &["slice"], &["slice"]),
        // The app has a layer equal to the top of its base.
        (
            &["mid", "top", "slice", "top"],
            &["slice", "top"],
            &["slice", "top"],
        ),
        // Both.
        (
            &["top", "top", "top", "slice"],
            &["top", "slice"],
            &["top", "slice"],
        ),
        // Layers of image extensions, which the label does not list, stay on top of the base.
        (
            &["top", "top", "extension", "slice"],
            &["slice"],
            &["extension", "slice"],
        ),
    ];
    for (texts, listed, kept) in cases {
        let sealed = rebase(&image(texts, Some(listed)), "top", &image(&["new"], None)).unwrap();
        let expected: Vec<Digest> = std::iter::once(&"new")
            .chain(kept)
            .map(|text| diff_id(text))
            .collect();
        assert_eq!(layers(&sealed), expected, "{texts:?}");
    }
}

#[test]
fn takes_the_first_of_several_when_the_label_does_not_tell() {
    let app = image(&["top", "slice", "top"], None);
    let sealed = rebase(&app, "top", &image(&["new"], None)).unwrap();
    assert_eq!(layers(&sealed), ["new", "slice", "top"].map(diff_id));
    let app = image(&["top", "slice"], Some(&["a", "b", "c"]));
    let sealed = rebase(&app, "top", &image(&["new"], None)).unwrap();
    assert_eq!(layers(&sealed), ["new", "slice"].map(diff_id));
}

#[test]
fn keeps_family_annotations_variant_and_platform_of_the_app() {
    let app = ImageRecipe::new()
        .platform("linux", "arm", Some("v7"))
        .annotation("note", "kept")
        .raw_layer(b"run".to_vec())
        .raw_layer(b"slice".to_vec())
        .build();
    let docker = ImageRecipe::new()
        .family(Family::Docker)
        .raw_layer(b"new".to_vec())
        .build();
    let sealed = rebase(&app.image, "run", &docker.image).unwrap();
    assert_eq!(sealed.image.family(), Family::Oci);
    assert_eq!(validate(&sealed.image), Vec::<String>::new());
    assert_eq!(sealed.image.platform(), app.image.platform());
    assert_eq!(
        sealed.image.manifest()["annotations"],
        json!({ "note": "kept" })
    );
}

#[test]
fn becomes_an_oci_image_on_a_zstd_base() {
    let app = ImageRecipe::new()
        .family(Family::Docker)
        .raw_layer(b"run".to_vec())
        .build()
        .image;
    let base = ImageRecipe::new()
        .compression(Compression::Zstd)
        .raw_layer(b"new".to_vec())
        .build()
        .image;
    let sealed = rebase(&app, "run", &base).unwrap();
    assert_eq!(sealed.image.family(), Family::Oci);
    let expected = layer(b"new", Compression::Zstd, Family::Oci).descriptor;
    assert_eq!(sealed.image.layers()[0].descriptor, expected);
}
