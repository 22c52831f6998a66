//! `wharf rebase`.
use crate::{
    inspect::app,
    place::{Place, base},
};

fn place() -> Place {
    let place = Place::new();
    let run = base().layer(&[("etc/os-release", b"old", 0o644)]);
    let top_layer = place.image("run", "old", &run).layers()[0]
        .diff_id
        .to_string();
    place.image(
        "app",
        "v1",
        &app(&run, &top_layer, "layout.invalid/run:new"),
    );
    place.image(
        "run",
        "new",
        &base().layer(&[("etc/os-release", b"patched", 0o644)]),
    );
    place
}

#[test]
fn puts_the_app_layers_onto_the_new_run_image() {
    let place = place();
    let (before, new) = (place.read("app", "v1"), place.read("run", "new"));
    let out = place
        .wharf(&["rebase", "oci:app:v1", "--run-image", "oci:run:new"])
        .success();
    let after = place.read("app", "v1");
    assert!(
        out.ends_with(&format!(
            "Rebased    oci:app:v1\nDigest     {}\n",
            after.digest()
        )),
        "{out}"
    );
    let layers = |image: &wharf_image::Image| -> Vec<_> {
        image.layers().iter().map(|layer| layer.diff_id).collect()
    };
    assert_eq!(layers(&after), [layers(&new)[0], layers(&before)[1]]);
}

#[test]
fn writes_to_other_names_and_leaves_the_image() {
    let place = place();
    let before = place.read("app", "v1").digest();
    let arguments = [
        "rebase",
        "oci:app:v1",
        "--run-image",
        "oci:run:new",
        "--tag",
        "oci:out:a",
        "--tag",
        "oci:app:v2",
    ];
    place.wharf(&arguments).success();
    assert_eq!(place.read("app", "v1").digest(), before);
    assert_eq!(
        place.read("out", "a").digest(),
        place.read("app", "v2").digest()
    );
}

#[test]
fn an_image_in_a_registry_is_replaced_only_when_asked() {
    let place = Place::new();
    let error = place.wharf(&["rebase", "registry.example/app"]).failure(1);
    assert_eq!(
        error,
        "error: failed to rebase 'registry.example/app': it is in a registry\nhint: --publish confirms that the image in the registry may be replaced\n"
    );
}

#[test]
fn a_run_image_that_the_app_does_not_know_is_refused() {
    let place = place();
    place.image("other", "new", &base().layer(&[("x", b"", 0o644)]));
    let before = place.read("app", "v1").digest();
    let arguments = ["rebase", "oci:app:v1", "--run-image", "oci:other:new"];
    let error = place.wharf(&arguments).failure(1);
    assert!(error.contains("layout.invalid/other:new"), "{error}");
    assert_eq!(place.read("app", "v1").digest(), before);
    let forced = [&arguments[..], &["--force"]].concat();
    place.wharf(&forced).success();
    assert_ne!(place.read("app", "v1").digest(), before);
}
