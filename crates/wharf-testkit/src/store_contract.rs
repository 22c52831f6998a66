//! What every [`ImageStore`] does alike. Each implementation runs [`store_contract`] on a fresh store.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken rule fails the test that asked"
)]
use crate::image_recipe::{Bytes, ImageRecipe, digest, layer, platform, push};
use std::{io::Read, sync::Arc};
use wharf_image::{
    Access, DraftLayer, Family, ImageDraft, ImageStore, LayerSource, SealedImage, StoreErrorKind,
    Stored, Transfer,
};
use wharf_layer::Compression;
use wharf_spec::reference::Reference;

/// Makes the reference of `repository[:tag]` in the store under test.
pub type Naming<'a> = &'a dyn Fn(&str) -> Reference;

/// Runs all rules against an empty `store`.
///
/// # Panics
/// When the store breaks one of them.
pub fn store_contract(store: &dyn ImageStore, name: Naming<'_>) {
    finds_nothing_where_nothing_is(store, name);
    gives_back_the_bytes_it_took(store, name);
    knows_which_layers_it_has(store, name);
    links_layers_between_repositories(store, name);
    refuses_layers_that_are_not_what_they_promise(store, name);
    verifies_blobs_while_they_are_read(store, name);
    writes_several_tags(store, name);
    moves_a_tag(store, name);
    keeps_manifests_and_indexes_as_they_are(store, name);
    refuses_incomplete_images(store, name);
    refuses_several_registries(store, name);
    tells_platforms_apart(store, name);
    takes_back_its_own_identifiers(store, name);
    grants_access(store, name);
    deletes(store, name);
}

fn recipe(seed: &str) -> ImageRecipe {
    ImageRecipe::new()
        .layer(&[("/base", seed.as_bytes(), 0o644)])
        .layer(&[("/app/run", b"#!/bin/sh\n", 0o755)])
        .label("seed", seed)
        .env("PATH", "/bin:/with=equals")
}

#[track_caller]
fn assert_holds(store: &dyn ImageStore, reference: &Reference, expected: &SealedImage) {
    let found = store.find(reference, &platform("linux", "amd64"));
    let found = found.unwrap_or_else(|error| panic!("find {reference}: {error:?}"));
    let found = found.unwrap_or_else(|| panic!("{reference} is not there"));
    assert_eq!(
        found.manifest_bytes(),
        expected.image.manifest_bytes(),
        "{reference}"
    );
    assert_eq!(
        found.config_bytes(),
        expected.image.config_bytes(),
        "{reference}"
    );
    for layer in found.layers() {
        let mut bytes = Vec::new();
        let mut reader = store
            .open_blob(reference, &layer.descriptor)
            .expect("layer is there");
        reader.read_to_end(&mut bytes).expect("layer is whole");
        assert_eq!(digest(&bytes), layer.descriptor.digest);
    }
}

#[track_caller]
fn assert_missing(store: &dyn ImageStore, reference: &Reference) {
    let found = store.find(reference, &platform("linux", "amd64"));
    let found = found.unwrap_or_else(|error| panic!("find {reference}: {error:?}"));
    assert!(found.is_none(), "{reference} is there");
}

fn finds_nothing_where_nothing_is(store: &dyn ImageStore, name: Naming<'_>) {
    assert_missing(store, &name("contract/nothing:1"));
    assert_missing(
        store,
        &name("contract/nothing").with_digest(digest(b"nothing")),
    );
    recipe("present").push(store, &[&name("contract/present:1")]);
    assert_missing(store, &name("contract/present:2"));
    assert_missing(
        store,
        &name("contract/present").with_digest(digest(b"nothing")),
    );
}

fn gives_back_the_bytes_it_took(store: &dyn ImageStore, name: Naming<'_>) {
    let families = [
        (Family::Docker, Compression::Gzip),
        (Family::Oci, Compression::Gzip),
        (Family::Oci, Compression::Zstd),
    ];
    for (family, compression) in families {
        let sealed = recipe("round trip")
            .family(family)
            .compression(compression)
            .build();
        let tag = name("contract/trip:1");
        push(store, &sealed, &[&tag]);
        assert_holds(store, &tag, &sealed);
        assert_holds(store, &tag.with_digest(sealed.image.digest()), &sealed);
    }
}

fn knows_which_layers_it_has(store: &dyn ImageStore, name: Naming<'_>) {
    let to = name("contract/layers:1");
    let layer = layer(b"contract layer", Compression::None, Family::Oci);
    let transfers = [store.put_layer(&to, &layer), store.put_layer(&to, &layer)];
    let transfers = transfers.map(|transfer| transfer.expect("layer is taken"));
    assert_eq!(transfers, [Transfer::Uploaded, Transfer::Existing]);
}

fn links_layers_between_repositories(store: &dyn ImageStore, name: Naming<'_>) {
    let (from, to) = (name("contract/from:1"), name("contract/to:1"));
    let base = recipe("linked").push(store, &[&from]);
    let sealed = ImageDraft::from_base(&base, &from, "2024-01-01T00:00:00Z", true).seal();
    let sealed = sealed.expect("draft is an image");
    for layer in &sealed.layers {
        let transfer = store.put_layer(&to, layer).expect("layer is linked");
        assert_eq!(transfer, Transfer::Mounted);
    }
    store
        .put_image(&sealed, std::slice::from_ref(&to))
        .expect("image is taken");
    assert_holds(store, &to, &sealed);

    let nowhere = DraftLayer {
        source: LayerSource::Repository(name("contract/nowhere:1")),
        ..layer(b"nowhere", Compression::None, Family::Oci)
    };
    assert!(
        store.put_layer(&to, &nowhere).is_err(),
        "a layer from nowhere was taken"
    );
}

fn refuses_layers_that_are_not_what_they_promise(store: &dyn ImageStore, name: Naming<'_>) {
    let to = name("contract/lies:1");
    let honest = layer(b"honest bytes", Compression::None, Family::Oci);
    let lies: [&[u8]; 3] = [b"another text", b"honest", b"honest bytes and more"];
    for bytes in lies {
        let lie = DraftLayer {
            source: LayerSource::Bytes(Arc::new(Bytes(Arc::new(bytes.to_vec())))),
            ..honest.clone()
        };
        assert!(
            store.put_layer(&to, &lie).is_err(),
            "a wrong layer was taken"
        );
        let opened = store.open_blob(&to, &honest.descriptor).map(drop);
        assert!(
            opened.is_err_and(|error| error.is_not_found()),
            "a wrong layer was kept"
        );
    }
    let transfer = store
        .put_layer(&to, &honest)
        .expect("honest layer is taken");
    assert_eq!(transfer, Transfer::Uploaded);
}

fn verifies_blobs_while_they_are_read(store: &dyn ImageStore, name: Naming<'_>) {
    let at = name("contract/verify:1");
    let layer = layer(b"some bytes to verify", Compression::None, Family::Oci);
    store.put_layer(&at, &layer).expect("layer is taken");
    let mut wrong = layer.descriptor.clone();
    wrong.size -= 1;
    let read = store
        .open_blob(&at, &wrong)
        .map_err(|error| error.to_string())
        .and_then(|mut blob| {
            blob.read_to_end(&mut Vec::new())
                .map_err(|error| error.to_string())
        });
    assert!(read.is_err(), "a blob of another size was delivered");
}

fn writes_several_tags(store: &dyn ImageStore, name: Naming<'_>) {
    let tags = ["contract/tags:1", "contract/tags:2", "contract/more/tags:1"].map(name);
    let sealed = recipe("several tags").build();
    for layer in &sealed.layers {
        store.put_layer(&tags[0], layer).expect("layer is taken");
    }
    let written = store.put_image(&sealed, &tags).expect("image is taken");
    assert_eq!(written.digest, sealed.image.digest());
    assert_eq!(
        written.manifest_size,
        sealed.image.manifest_bytes().len() as u64
    );
    assert_eq!(written.tags, tags);
    for tag in &tags {
        assert_holds(store, tag, &sealed);
    }
}

fn moves_a_tag(store: &dyn ImageStore, name: Naming<'_>) {
    let tag = name("contract/moves:1");
    let (old, new) = (recipe("old").build(), recipe("new").build());
    push(store, &old, &[&tag]);
    push(store, &new, &[&tag]);
    assert_holds(store, &tag, &new);
    assert_holds(store, &tag.with_digest(old.image.digest()), &old);
}

fn keeps_manifests_and_indexes_as_they_are(store: &dyn ImageStore, name: Naming<'_>) {
    let (one, other, all) = (
        name("contract/whole:one"),
        name("contract/whole:other"),
        name("contract/whole:all"),
    );
    let nothing = store.read_manifest(&name("contract/nothing:one"));
    assert_eq!(nothing.expect("ask for what is not there"), None);
    let image = recipe("whole").push(store, &[&one]);
    let stored = store.read_manifest(&one).expect("read").expect("is there");
    assert_eq!(stored, Stored::of_image(&image));
    store
        .write_manifest(&stored, std::slice::from_ref(&other))
        .expect("move a tag");
    assert_eq!(
        store.read_manifest(&other).expect("read"),
        Some(stored.clone())
    );
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"amd64"}},"own":[1]}}],"of":"its own"}}"#,
        Family::Oci.index(),
        stored.media_type,
        stored.digest(),
        stored.bytes.len(),
    );
    let index = Stored::new(text.into_bytes(), "");
    store
        .write_manifest(&index, std::slice::from_ref(&all))
        .expect("write an index");
    assert_eq!(store.read_manifest(&all).expect("read"), Some(index));
    let pinned = all.with_digest(stored.digest());
    let found = store
        .read_manifest(&pinned)
        .expect("read")
        .expect("is there");
    let found = store.read_image(&pinned, found).expect("read config");
    assert_eq!(found.config_bytes(), image.config_bytes());
}

fn refuses_incomplete_images(store: &dyn ImageStore, name: Naming<'_>) {
    let tag = name("contract/incomplete:1");
    let sealed = recipe("incomplete").build();
    store
        .put_layer(&tag, &sealed.layers[0])
        .expect("layer is taken");
    let tags = [tag.clone()];
    assert!(
        store.put_image(&sealed, &tags).is_err(),
        "an image without a layer was taken"
    );
    assert_missing(store, &tag);
}

fn refuses_several_registries(store: &dyn ImageStore, name: Naming<'_>) {
    let tag = name("contract/registries:1");
    let elsewhere = "elsewhere.example/contract/registries:1"
        .parse()
        .expect("reference");
    let sealed = recipe("several registries").build();
    for layer in &sealed.layers {
        store.put_layer(&tag, layer).expect("layer is taken");
    }
    let error = store.put_image(&sealed, &[tag.clone(), elsewhere]);
    let error = error.expect_err("tags on two registries were taken");
    assert!(
        matches!(error.kind, StoreErrorKind::MultipleRegistries),
        "{error:?}"
    );
    assert_missing(store, &tag);
}

fn tells_platforms_apart(store: &dyn ImageStore, name: Naming<'_>) {
    let tag = name("contract/platform:1");
    recipe("arm")
        .platform("linux", "arm64", Some("v8"))
        .push(store, &[&tag]);
    let found = store.find(&tag, &platform("linux", "amd64"));
    let error = found
        .map(drop)
        .expect_err("an image of another platform was found");
    assert!(
        matches!(error.kind, StoreErrorKind::WrongPlatform { .. }),
        "{error:?}"
    );
    let found = store.find(&tag, &platform("linux", "arm64"));
    assert!(
        found.expect("find").is_some(),
        "variant v8 of arm64 goes without saying"
    );
}

fn takes_back_its_own_identifiers(store: &dyn ImageStore, name: Naming<'_>) {
    let tag = name("contract/identify:1");
    let sealed = recipe("identify").build();
    push(store, &sealed, &[&tag]);
    let identifier = store.identify(&tag, &sealed.image);
    assert!(
        identifier.ends_with(&sealed.image.digest().to_string()),
        "{identifier}"
    );
    push(store, &recipe("identify anew").build(), &[&tag]);
    let located = store.locate(&identifier).expect("own identifier");
    assert_holds(store, &located, &sealed);
}

fn grants_access(store: &dyn ImageStore, name: Naming<'_>) {
    for access in [Access::Read, Access::Write] {
        let reference = name("contract/access:1");
        store
            .check_access(&reference, access)
            .expect("access to what is not there yet");
        assert_missing(store, &reference);
    }
}

fn deletes(store: &dyn ImageStore, name: Naming<'_>) {
    let tag = name("contract/delete:1");
    let image = recipe("delete").push(store, &[&tag]);
    for _ in 0..2 {
        store
            .delete(&tag, image.digest())
            .expect("deleted, or gone already");
        assert_missing(store, &tag);
        assert_missing(store, &tag.with_digest(image.digest()));
    }
}
