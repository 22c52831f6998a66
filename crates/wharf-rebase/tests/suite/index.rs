//! Rebases of an index: one name, images of several platforms.
use crate::rebase::{app, base, inputs, reference};
use serde_json::{Value, json};
use wharf_image::{Access, Family, Image, ImageStore, StoreErrorKind, Stored, validate::validate};
use wharf_rebase::{RebaseError, RebaseInputs, rebase};
use wharf_spec::{log::Level, reference::Reference};
use wharf_testkit::{ImageRecipe, MemoryStore, RecordingLog, image_recipe::platform};

/// Writes an index of these images, which are there, with an attestation at its end.
fn put_index(store: &MemoryStore, at: &Reference, images: &[&Image], note: bool) -> Stored {
    let mut entries: Vec<Value> = images
        .iter()
        .map(|image| {
            let platform = image.platform();
            json!({
                "mediaType": image.family().manifest(), "digest": image.digest().to_string(),
                "size": image.manifest_bytes().len(),
                "platform": { "os": platform.os, "architecture": platform.architecture },
                "annotations": { "own": platform.architecture },
            })
        })
        .collect();
    if note {
        let statement = json!({ "schemaVersion": 2, "layers": [], "of": "an attestation" });
        let bytes = statement.to_string().into_bytes();
        let size = bytes.len();
        let digest = store.put_manifest(&at.with_digest(images[0].digest()), bytes);
        entries.push(json!({
            "mediaType": Family::Oci.manifest(), "digest": digest.to_string(), "size": size,
            "platform": { "os": "unknown", "architecture": "unknown" },
        }));
    }
    let index = json!({
        "schemaVersion": 2, "mediaType": Family::Oci.index(), "manifests": entries,
        "annotations": { "index": "kept" }, "of the future": true,
    });
    let stored = Stored::new(index.to_string().into_bytes(), "");
    store
        .write_manifest(&stored, std::slice::from_ref(at))
        .unwrap();
    stored
}

fn on(recipe: ImageRecipe, architecture: &str) -> ImageRecipe {
    recipe
        .platform("linux", architecture, None)
        .layer(&[("/of", architecture.as_bytes(), 0o644)])
}

/// An app for three platforms; the new base is there for two of them.
fn store() -> (MemoryStore, Stored, Vec<Image>) {
    let store = MemoryStore::new();
    let run = reference("r.example/run:1");
    let at = reference("r.example/app");
    let architectures = ["amd64", "arm64", "s390x"];
    let apps: Vec<Image> = architectures
        .iter()
        .map(|architecture| {
            let old = base("1")
                .platform("linux", architecture, None)
                .push(&store, &[&run]);
            on(app(&old, "0.13"), architecture).push(&store, &[&at])
        })
        .collect();
    let new: Vec<Image> = architectures[..2]
        .iter()
        .map(|architecture| {
            base("2")
                .platform("linux", architecture, None)
                .push(&store, &[&run])
        })
        .collect();
    put_index(&store, &run, &new.iter().collect::<Vec<_>>(), false);
    let index = put_index(&store, &at, &apps.iter().collect::<Vec<_>>(), true);
    (store, index, apps)
}

fn entries(store: &MemoryStore, at: &str) -> Vec<Value> {
    let stored = store.read_manifest(&reference(at)).unwrap().unwrap();
    let index: Value = serde_json::from_slice(&stored.bytes).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

#[test]
fn every_platform_with_a_new_base_is_rebased_and_the_others_stay() {
    let (store, before, apps) = store();
    let log = RecordingLog::new();
    let report = rebase(&inputs(), &store, &log).unwrap();
    assert_eq!(report.image.unchanged, ["linux/s390x"]);
    let after = store
        .read_manifest(&reference("r.example/app"))
        .unwrap()
        .unwrap();
    assert_eq!(report.image.digest, after.digest().to_string());
    for (at, architecture) in ["amd64", "arm64", "s390x"].into_iter().enumerate() {
        let wanted = platform("linux", architecture);
        let image = store.find(&reference("r.example/app"), &wanted);
        let image = image.unwrap().unwrap();
        assert_eq!(validate(&image), Vec::<String>::new());
        let released = image.label("io.buildpacks.base.released");
        assert_eq!(released, Some(if at < 2 { "2" } else { "1" }));
        assert_eq!(image.digest() == apps[at].digest(), at == 2);
    }
    // All but digests and sizes of the two is what it was.
    let mut expected: Value = serde_json::from_slice(&before.bytes).unwrap();
    let new = entries(&store, "r.example/app");
    for at in 0..2 {
        for member in ["digest", "size"] {
            expected["manifests"][at][member] = new[at][member].clone();
        }
    }
    assert_eq!(
        serde_json::from_slice::<Value>(&after.bytes).unwrap(),
        expected
    );
    let warnings = log.lines(Level::Warn);
    assert_eq!(
        warnings[0],
        "The image for linux/s390x stays as it is: access run image: read manifest of 'r.example/run:1': no image for linux/s390x; it offers linux/amd64, linux/arm64"
    );
    assert!(
        warnings[1]
            .ends_with("stays as it is: it is no image, and may speak of one that was rebased")
    );
}

#[test]
fn another_repository_gets_all_that_the_index_names() {
    let (store, before, _) = store();
    let elsewhere = RebaseInputs {
        outputs: vec![
            reference("r.example/other:1"),
            reference("r.example/other:2"),
        ],
        ..inputs()
    };
    let report = rebase(&elsewhere, &store, &RecordingLog::new()).unwrap();
    for entry in entries(&store, "r.example/other:1") {
        let pinned = format!("r.example/other@{}", entry["digest"].as_str().unwrap());
        assert!(store.read_manifest(&reference(&pinned)).unwrap().is_some());
    }
    let tags = store.tags(&reference("r.example/other"));
    let digests: Vec<String> = tags.values().map(ToString::to_string).collect();
    assert_eq!(digests, [report.image.digest.clone(), report.image.digest]);
    let untouched = store.read_manifest(&reference("r.example/app")).unwrap();
    assert_eq!(untouched, Some(before));
}

#[test]
fn an_index_without_any_new_base_fails_for_the_platform_that_was_asked_for() {
    let (store, before, _) = store();
    store.deny(&reference("r.example/run"), Access::Read);
    store.deny(&reference("m.example/run"), Access::Read);
    let error = rebase(&inputs(), &store, &RecordingLog::new()).unwrap_err();
    let RebaseError::ReadRunImage(error) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(error.kind, StoreErrorKind::Denied { .. }));
    let untouched = store.read_manifest(&reference("r.example/app")).unwrap();
    assert_eq!(untouched, Some(before));
}

#[test]
fn what_refers_to_the_old_image_is_mentioned() {
    let store = MemoryStore::new();
    let run = reference("r.example/run:1");
    let at = reference("r.example/app");
    let old = base("1").push(&store, &[&run]);
    let before = app(&old, "0.13").push(&store, &[&at]);
    base("2").push(&store, &[&run]);
    let signature = json!({
        "schemaVersion": 2, "artifactType": "application/vnd.example.signature",
        "subject": { "digest": before.digest().to_string() },
    });
    let bytes = signature.to_string().into_bytes();
    let signature = store.put_manifest(&at.with_digest(before.digest()), bytes);
    let log = RecordingLog::new();
    rebase(&inputs(), &store, &log).unwrap();
    let expected = format!(
        "{signature} (application/vnd.example.signature) refers to {} and not to the rebased image",
        before.digest()
    );
    assert_eq!(log.lines(Level::Info).last(), Some(&expected));
}
