//! Layout directories as other programs see them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
use serde_json::{Value, json};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};
use wharf_image::{Family, Image, ImageDraft, ImageStore, StoreErrorKind, Transfer};
use wharf_layer::Compression;
use wharf_layout::LayoutStore;
use wharf_spec::reference::Reference;
use wharf_testkit::{
    ImageRecipe,
    image_recipe::{digest, layer, platform, push},
    store_contract,
};

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn read_json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn recipe(seed: &str) -> ImageRecipe {
    ImageRecipe::new().layer(&[("/file", seed.as_bytes(), 0o644)])
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = dir
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// Writes a blob by hand and returns its descriptor.
fn blob(dir: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(digest(bytes).hex()), bytes).unwrap();
    json!({ "mediaType": media_type, "size": bytes.len(), "digest": digest(bytes).to_string() })
}

fn blob_path(dir: &Path, image: &Image) -> PathBuf {
    dir.join("blobs/sha256")
        .join(image.layers()[0].descriptor.digest.hex())
}

#[test]
fn layout_store_fulfils_the_store_contract() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    store_contract(&store, &|name| reference(&format!("layout.example/{name}")));
}

#[test]
fn writes_a_directory_per_tag_that_holds_one_image() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let tag = reference("r.example:5000/team/app:1");
    recipe("old").push(&store, &[&tag]);
    let image = recipe("new").push(&store, &[&tag]);
    let dir = root.path().join("r.example:5000/team/app/1");
    assert_eq!(names_in(&dir), ["blobs", "index.json", "oci-layout"]);
    assert_eq!(
        read_json(dir.join("oci-layout")),
        json!({ "imageLayoutVersion": "1.0.0" })
    );
    let expected = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "size": image.manifest_bytes().len(),
            "digest": image.digest().to_string(),
            "annotations": { "org.opencontainers.image.ref.name": "1" },
        }],
    });
    assert_eq!(read_json(dir.join("index.json")), expected);
    for name in names_in(&dir.join("blobs/sha256")) {
        let bytes = fs::read(dir.join("blobs/sha256").join(&name)).unwrap();
        assert_eq!(digest(&bytes).hex(), name);
    }
}

#[test]
fn names_images_by_path_and_digest() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let image = recipe("named").build().image;
    let root = root.path().display();
    assert_eq!(
        store.identify(&reference("r.example/app:1"), &image),
        format!("{root}/r.example/app/1@{}", image.digest())
    );
    let located = store.locate(&format!("{root}/r.example/app/1")).unwrap();
    assert_eq!(located, reference("r.example/app:1"));
    assert_eq!(
        store.locate("r.example/app:2").unwrap(),
        reference("r.example/app:2")
    );
    assert!(store.locate("/elsewhere/r.example/app/1").is_err());
}

#[test]
fn keeps_several_tags_in_a_single_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = LayoutStore::single(dir.path());
    let tags = ["x.example/a:one", "x.example/a:two"].map(reference);
    let images = [recipe("one"), recipe("two")].map(|recipe| recipe.build());
    for (image, tag) in images.iter().zip(&tags) {
        push(&store, image, &[tag]);
    }
    let moved = recipe("one again").build();
    push(&store, &moved, &[&tags[0]]);
    let find = |name: &str| {
        let found = store
            .find(&reference(name), &platform("linux", "amd64"))
            .unwrap();
        found.map(|image| image.digest())
    };
    assert_eq!(find("other.example/b:one"), Some(moved.image.digest()));
    assert_eq!(find("x.example/a:two"), Some(images[1].image.digest()));
    assert_eq!(find("x.example/a"), None);
    let by_digest = tags[0].with_digest(images[0].image.digest());
    assert_eq!(find(&by_digest.to_string()), Some(images[0].image.digest()));
    let identifier = store.identify(&tags[0], &moved.image);
    assert_eq!(
        identifier,
        format!("{}@{}", dir.path().display(), moved.image.digest())
    );
    assert_eq!(
        store.locate(&identifier).unwrap().digest(),
        Some(moved.image.digest())
    );
}

#[test]
fn loses_no_tag_when_several_write_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let dir = dir.path();
            scope.spawn(move || {
                let store = LayoutStore::single(dir);
                let tag = reference(&format!("x.example/a:{number}"));
                recipe(&number.to_string()).push(&store, &[&tag]);
            });
        }
    });
    let entries = read_json(dir.path().join("index.json"))["manifests"].clone();
    let tag = |entry: &Value| entry["annotations"]["org.opencontainers.image.ref.name"].clone();
    let mut tags: Vec<String> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| tag(entry).to_string())
        .collect();
    tags.sort();
    let expected: Vec<String> = (0..8).map(|number| format!("\"{number}\"")).collect();
    assert_eq!(tags, expected);
}

#[test]
fn keeps_what_others_wrote_into_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = blob(dir.path(), "application/vnd.example.thing", b"thing");
    let index = json!({ "schemaVersion": 2, "annotations": { "a": "b" }, "manifests": [foreign] });
    fs::write(dir.path().join("index.json"), index.to_string()).unwrap();
    recipe("mine").push(
        &LayoutStore::single(dir.path()),
        &[&reference("x.example/a:mine")],
    );
    let index = read_json(dir.path().join("index.json"));
    assert_eq!(index["annotations"], json!({ "a": "b" }));
    assert_eq!(index["manifests"][0], foreign);
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
}

#[test]
fn finds_the_only_image_of_a_directory_without_tags_as_latest() {
    let dir = tempfile::tempdir().unwrap();
    let store = LayoutStore::single(dir.path());
    let image = recipe("untagged").push(&store, &[&reference("x.example/a:1")]);
    let path = dir.path().join("index.json");
    let mut index = read_json(&path);
    index["manifests"][0]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    fs::write(&path, index.to_string()).unwrap();
    let find = |tag: &str| {
        store
            .find(&reference(tag), &platform("linux", "amd64"))
            .unwrap()
    };
    assert_eq!(find("x.example/a").unwrap().digest(), image.digest());
    assert!(find("x.example/a:1").is_none());
}

#[test]
fn chooses_by_platform_also_in_nested_indexes_and_by_config_where_the_index_is_silent() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let tag = reference("r.example/multi:1");
    let manifest = |architecture: &str, variant| {
        let recipe = recipe(architecture).platform("linux", architecture, variant);
        let image = recipe.push(&store, &[&tag]);
        (image.digest(), image.manifest_bytes().len())
    };
    let entry = |(digest, size): (wharf_spec::digest::Digest, usize), platform: Value| {
        let mut entry = json!({ "mediaType": Family::Oci.manifest(), "size": size, "digest": digest.to_string() });
        if !platform.is_null() {
            entry["platform"] = platform;
        }
        entry
    };
    let (amd64, arm64, riscv64) = (
        manifest("amd64", None),
        manifest("arm64", Some("v8")),
        manifest("riscv64", None),
    );
    let dir = root.path().join("r.example/multi/1");
    let inner = json!({ "schemaVersion": 2, "mediaType": Family::Oci.index(), "manifests": [
        entry(arm64, json!({ "os": "linux", "architecture": "arm64", "variant": "v8" })),
        entry(amd64, json!({ "os": "unknown", "architecture": "unknown" })),
    ]});
    let inner = blob(&dir, Family::Oci.index(), inner.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [
        entry(amd64, json!({ "os": "linux", "architecture": "amd64" })),
        inner.clone(),
        entry(riscv64, Value::Null),
    ]});
    fs::write(dir.join("index.json"), index.to_string()).unwrap();
    let find = |reference: &Reference, architecture: &str| {
        store
            .find(reference, &platform("linux", architecture))
            .map(|image| image.unwrap().digest())
    };
    assert_eq!(find(&tag, "amd64").unwrap(), amd64.0);
    assert_eq!(find(&tag, "arm64").unwrap(), arm64.0);
    assert_eq!(find(&tag, "riscv64").unwrap(), riscv64.0);
    let pinned = tag.with_digest(inner["digest"].as_str().unwrap().parse().unwrap());
    assert_eq!(find(&pinned, "arm64").unwrap(), arm64.0);
    let error = find(&tag, "s390x").unwrap_err();
    assert_eq!(
        error.kind.to_string(),
        "no image for linux/s390x; it offers linux/amd64, linux/arm64/v8, linux/riscv64"
    );
}

#[test]
fn refuses_documents_that_are_not_what_the_index_promised() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let tag = reference("r.example/app:1");
    let image = recipe("honest").push(&store, &[&tag]);
    let dir = root.path().join("r.example/app/1");
    let path = dir.join("blobs/sha256").join(image.config_digest().hex());
    let mut config = fs::read(&path).unwrap();
    config[2] ^= 1;
    fs::write(&path, &config).unwrap();
    let error = store.find(&tag, &platform("linux", "amd64")).unwrap_err();
    assert!(
        matches!(error.kind, StoreErrorKind::Mismatch { what: "config", .. }),
        "{error:?}"
    );
    config.push(b' ');
    fs::write(&path, &config).unwrap();
    let error = store.find(&tag, &platform("linux", "amd64")).unwrap_err();
    assert!(
        matches!(error.kind, StoreErrorKind::Mismatch { what: "config", .. }),
        "{error:?}"
    );
    fs::write(dir.join("index.json"), "{").unwrap();
    let error = store.find(&tag, &platform("linux", "amd64")).unwrap_err();
    assert!(matches!(error.kind, StoreErrorKind::Image(_)), "{error:?}");
}

#[test]
fn notices_a_corrupt_layer_while_it_is_read() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let tag = reference("r.example/app:1");
    let image = recipe("honest").push(&store, &[&tag]);
    let path = blob_path(&root.path().join("r.example/app/1"), &image);
    let mut bytes = fs::read(&path).unwrap();
    bytes[12] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut blob = store
        .open_blob(&tag, &image.layers()[0].descriptor)
        .unwrap();
    assert!(blob.read_to_end(&mut Vec::new()).is_err());
}

#[test]
fn builds_on_a_sparse_image_without_its_layers() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let (run, app) = (reference("r.example/run:1"), reference("r.example/app:1"));
    let base = recipe("sparse").push(&store, &[&run]);
    fs::remove_file(blob_path(&root.path().join("r.example/run/1"), &base)).unwrap();
    let mut draft = ImageDraft::from_base(&base, &run, "2024-01-01T00:00:00Z", true);
    draft.push_layer(layer(b"app", Compression::None, Family::Oci));
    let sealed = draft.seal().unwrap();
    let transfers: Vec<Transfer> = sealed
        .layers
        .iter()
        .map(|layer| store.put_layer(&app, layer).unwrap())
        .collect();
    assert_eq!(transfers, [Transfer::Existing, Transfer::Uploaded]);
    store
        .put_image(&sealed, std::slice::from_ref(&app))
        .unwrap();
    let found = store
        .find(&app, &platform("linux", "amd64"))
        .unwrap()
        .unwrap();
    assert_eq!(found.digest(), sealed.image.digest());
    let blob = store.open_blob(&app, &found.layers()[0].descriptor);
    assert!(blob.map(drop).unwrap_err().is_not_found());
}

#[test]
fn asks_for_oci_images_and_keeps_docker_ones_that_are_sealed() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let tag = reference("r.example/run:1");
    let base = recipe("docker")
        .family(Family::Docker)
        .push(&store, &[&tag]);
    let found = store
        .find(&tag, &platform("linux", "amd64"))
        .unwrap()
        .unwrap();
    assert_eq!(found.digest(), base.digest());
    let mut draft = ImageDraft::from_base(&base, &tag, "2024-01-01T00:00:00Z", true);
    draft.set_family(store.family(draft.family()));
    let image = draft.seal().unwrap().image;
    assert_eq!(image.family(), Family::Oci);
    assert_eq!(
        wharf_image::validate::validate(&image),
        Vec::<String>::new()
    );
}

#[test]
fn leaves_nothing_behind_when_a_layer_cannot_be_written() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let mut lie = layer(b"bytes", Compression::None, Family::Oci);
    lie.descriptor.size += 1;
    assert!(
        store
            .put_layer(&reference("r.example/app:1"), &lie)
            .is_err()
    );
    let blobs = root.path().join("r.example/app/1/blobs/sha256");
    assert_eq!(names_in(&blobs), Vec::<String>::new());
}

#[test]
fn shares_layers_between_directories_by_hard_links() {
    use std::os::unix::fs::MetadataExt;
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let tags = ["r.example/app:1", "r.example/app:2"].map(reference);
    let image = recipe("linked").push(&store, &[&tags[0], &tags[1]]);
    let inode = |tag: &Reference| {
        blob_path(&store.directory(tag), &image)
            .metadata()
            .unwrap()
            .ino()
    };
    assert_eq!(inode(&tags[0]), inode(&tags[1]));
}

#[test]
fn removes_the_directory_of_a_deleted_image_but_not_what_lies_in_it() {
    let root = tempfile::tempdir().unwrap();
    let store = LayoutStore::new(root.path());
    let (outer, inner) = (reference("r.example/a:b"), reference("r.example/a/b:1"));
    let image = recipe("outer").push(&store, &[&outer]);
    recipe("inner").push(&store, &[&inner]);
    store.delete(&outer, image.digest()).unwrap();
    assert_eq!(names_in(&root.path().join("r.example/a/b")), ["1"]);
    let image = store
        .find(&inner, &platform("linux", "amd64"))
        .unwrap()
        .unwrap();
    store.delete(&inner, image.digest()).unwrap();
    assert_eq!(
        names_in(&root.path().join("r.example/a/b")),
        Vec::<String>::new()
    );
}
