//! `wharf rebase`.
use crate::{
    inspect::app,
    place::{Place, base, tag},
};
use wharf_image::{ImageStore, Stored};
use wharf_layout::LayoutStore;

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
        "error: failed to rebase 'registry.example/app': it is in a registry\nhint: --publish confirms that images in the registry may be replaced\n"
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

/// Writes an index of images that the layout `dir` has, under the tag `name`.
fn index(place: &Place, dir: &str, name: &str, tags: &[&str]) {
    let store = LayoutStore::single(place.path(dir));
    let entries: Vec<_> = tags
        .iter()
        .map(|of| {
            let manifest = store.read_manifest(&tag(of)).unwrap().unwrap();
            let image = store.read_image(&tag(of), manifest.clone()).unwrap();
            let platform = image.platform();
            serde_json::json!({
                "mediaType": manifest.media_type, "digest": manifest.digest().to_string(),
                "size": manifest.bytes.len(),
                "platform": { "os": platform.os, "architecture": platform.architecture },
            })
        })
        .collect();
    let document = serde_json::json!({ "schemaVersion": 2, "manifests": entries });
    let index = Stored::new(
        document.to_string().into_bytes(),
        "application/vnd.oci.image.index.v1+json",
    );
    store.write_manifest(&index, &[tag(name)]).unwrap();
}

#[test]
fn an_index_is_rebased_in_place_and_to_other_layouts_and_says_what_stays() {
    let place = Place::new();
    for (architecture, is_new) in [("amd64", true), ("arm64", true), ("s390x", false)] {
        let run = |content: &[u8]| {
            base().platform("linux", architecture, None).layer(&[(
                "etc/os-release",
                content,
                0o644,
            )])
        };
        let old = place.image("run", &format!("old-{architecture}"), &run(b"old"));
        let top_layer = old.layers()[0].diff_id.to_string();
        let recipe = app(&run(b"old"), &top_layer, "layout.invalid/run:new");
        place.image("app", architecture, &recipe);
        if is_new {
            place.image("run", &format!("new-{architecture}"), &run(b"patched"));
        }
    }
    index(&place, "run", "new", &["new-amd64", "new-arm64"]);
    index(&place, "app", "v1", &["amd64", "arm64", "s390x"]);
    let rebase = ["rebase", "oci:app:v1", "--run-image", "oci:run:new"];
    let run = place.wharf(&[&rebase[..], &["--tag", "oci:out:a", "--tag", "oci:b/out"]].concat());
    assert!(
        run.err.contains("linux/s390x stays as it is"),
        "{}",
        run.err
    );
    let out = run.success();
    let said =
        "Rebased    oci:out:a\nRebased    oci:b/out:latest\nUnchanged  linux/s390x\nDigest     ";
    assert!(out.contains(said), "{out}");
    place.wharf(&rebase).success();
    let all = [("app", "v1"), ("out", "a"), ("b/out", "latest")];
    let digests = all.map(|(dir, name)| {
        let store = LayoutStore::single(place.path(dir));
        for architecture in ["amd64", "arm64", "s390x"] {
            let platform = wharf_testkit::image_recipe::platform("linux", architecture);
            let image = store.find(&tag(name), &platform).unwrap().unwrap();
            for layer in image.layers() {
                let mut bytes = store.open_blob(&tag(name), &layer.descriptor).unwrap();
                std::io::copy(&mut bytes, &mut std::io::sink()).unwrap();
            }
        }
        let manifest = store.read_manifest(&tag(name)).unwrap().unwrap();
        manifest.digest()
    });
    assert_eq!(digests, [digests[0]; 3]);
}
