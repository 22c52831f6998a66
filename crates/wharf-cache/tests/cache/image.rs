//! Cache images.
use crate::layers::{archive, layer, metadata, read};
use std::{num::NonZeroUsize, sync::Arc};
use wharf_cache::{Cache, CacheLayer, CacheWrite, ImageCache};
use wharf_image::{Access, DraftLayer, Family, Image, ImageStore};
use wharf_layer::{Encoder, Method};
use wharf_layout::LayoutStore;
use wharf_spec::{
    encode,
    labels::{CACHE_METADATA, lifecycle::CacheMetadata},
    log::Level,
    reference::Reference,
};
use wharf_testkit::{
    ImageRecipe, MemoryStore, RecordingLog, chain,
    image_recipe::{self, platform},
    memory_store::Counts,
};

struct Place<S> {
    store: Arc<S>,
    layers: tempfile::TempDir,
    log: RecordingLog,
    reference: Reference,
}

impl<S: ImageStore + 'static> Place<S> {
    fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            layers: tempfile::tempdir().unwrap(),
            log: RecordingLog::new(),
            reference: "cache.example/team/app-cache:1".parse().unwrap(),
        }
    }

    fn cache(&self) -> ImageCache<'_> {
        let store: Arc<dyn ImageStore> = self.store.clone();
        ImageCache::new(store, self.reference.clone(), self.encoder(), &self.log)
    }

    fn encoder(&self) -> Encoder {
        Encoder::new(NonZeroUsize::MIN, self.layers.path(), Method::default())
    }

    fn layer(&self, name: &str) -> CacheLayer {
        layer(self.layers.path(), name, name)
    }

    fn image(&self) -> Image {
        self.store
            .find(&self.reference, &platform("linux", ""))
            .unwrap()
            .unwrap()
    }
}

fn commit(cache: &dyn Cache, layers: &[&CacheLayer]) -> Vec<CacheWrite> {
    let mut transaction = cache.begin().unwrap();
    let writes = layers
        .iter()
        .map(|layer| transaction.put(layer).unwrap())
        .collect();
    transaction.commit(&metadata(layers)).unwrap();
    writes
}

fn round_trip<S: ImageStore + 'static>(place: &Place<S>) {
    let (one, two) = (place.layer("one"), place.layer("two"));
    assert_eq!(place.cache().metadata().unwrap(), CacheMetadata::default());
    assert_eq!(read(&place.cache(), &one), None);
    let writes = commit(&place.cache(), &[&two, &one, &two]);
    assert_eq!(
        writes,
        [CacheWrite::Added, CacheWrite::Added, CacheWrite::Reused]
    );
    let cache = place.cache();
    assert_eq!(cache.metadata().unwrap(), metadata(&[&two, &one, &two]));
    assert_eq!(read(&cache, &one), Some(Ok(archive(&one))));
    assert_eq!(read(&cache, &two), Some(Ok(archive(&two))));
    let diff_ids: Vec<_> = place
        .image()
        .layers()
        .iter()
        .map(|layer| layer.diff_id)
        .collect();
    assert_eq!(diff_ids, [two.diff_id, one.diff_id]);
}

#[test]
fn gives_back_layers_and_metadata_from_a_store_in_memory() {
    round_trip(&Place::new(MemoryStore::new()));
}

#[test]
fn gives_back_layers_and_metadata_from_layout_directories() {
    let root = tempfile::tempdir().unwrap();
    round_trip(&Place::new(LayoutStore::new(root.path())));
}

#[test]
fn writes_an_image_without_architecture_and_one_empty_layer_when_nothing_is_cached() {
    let place = Place::new(MemoryStore::new());
    let metadata = CacheMetadata::default();
    place.cache().begin().unwrap().commit(&metadata).unwrap();
    let image = place.image();
    let platform = image.platform();
    assert_eq!(
        (platform.os.as_str(), platform.architecture.as_str()),
        ("linux", "")
    );
    let label = encode::json_text(&metadata).unwrap();
    assert_eq!(image.label(CACHE_METADATA), Some(label.as_str()));
    let diff_ids: Vec<_> = image.layers().iter().map(|layer| layer.diff_id).collect();
    assert_eq!(diff_ids, [image_recipe::digest(&[0; 1024])]);
}

#[test]
fn sends_nothing_when_nothing_changed() {
    let place = Place::new(MemoryStore::new());
    let layer = place.layer("layer");
    commit(&place.cache(), &[&layer]);
    place.store.reset_counts();
    assert_eq!(commit(&place.cache(), &[&layer]), [CacheWrite::Reused]);
    let expected = Counts {
        finds: 1,
        existing: 1,
        ..Counts::default()
    };
    assert_eq!(place.store.counts(), expected);
}

#[test]
fn links_layers_that_the_app_image_has() {
    let place = Place::new(MemoryStore::new());
    let app: Reference = "cache.example/team/app:1".parse().unwrap();
    let mut layer = place.layer("layer");
    let blob = place.encoder().encode(&layer.content).unwrap();
    let of_app = DraftLayer::from_blob(blob, Family::Docker, None);
    place.store.put_layer(&app, &of_app).unwrap();
    layer.blob = Some((app, of_app.descriptor));
    place.store.reset_counts();
    assert_eq!(commit(&place.cache(), &[&layer]), [CacheWrite::Added]);
    let counts = place.store.counts();
    assert_eq!((counts.mounts, counts.uploads), (1, 0));
    assert_eq!(read(&place.cache(), &layer), Some(Ok(archive(&layer))));
}

#[test]
fn makes_a_layer_again_that_the_app_repository_lost() {
    let place = Place::new(MemoryStore::new());
    let mut layer = place.layer("layer");
    let blob = place.encoder().encode(&layer.content).unwrap();
    let descriptor = DraftLayer::from_blob(blob, Family::Oci, None).descriptor;
    layer.blob = Some(("cache.example/team/app:1".parse().unwrap(), descriptor));
    assert_eq!(commit(&place.cache(), &[&layer]), [CacheWrite::Added]);
    assert_eq!(place.store.counts().uploads, 1);
}

#[test]
fn makes_a_layer_again_that_the_cache_repository_lost() {
    let place = Place::new(MemoryStore::new());
    let layer = place.layer("layer");
    commit(&place.cache(), &[&layer]);
    let blob = place.image().layers()[0].descriptor.digest;
    place.store.remove_blob(&place.reference, blob);
    assert_eq!(read(&place.cache(), &layer), None);
    assert_eq!(commit(&place.cache(), &[&layer]), [CacheWrite::Added]);
    assert_eq!(read(&place.cache(), &layer), Some(Ok(archive(&layer))));
}

#[test]
fn keeps_or_deletes_the_replaced_image_as_asked() {
    for delete in [false, true] {
        let place = Place::new(MemoryStore::new());
        commit(&place.cache(), &[&place.layer("old")]);
        let old = place.image().digest();
        commit(
            &place.cache().delete_replaced(delete),
            &[&place.layer("new")],
        );
        let by_digest = place.reference.with_digest(old);
        let found = place
            .store
            .find(&by_digest, &platform("linux", ""))
            .unwrap();
        assert_eq!(found.is_none(), delete);
        assert_ne!(place.image().digest(), old);
    }
}

#[test]
fn sees_its_own_commit() {
    let place = Place::new(MemoryStore::new());
    let cache = place.cache();
    let layer = place.layer("layer");
    assert_eq!(read(&cache, &layer), None);
    commit(&cache, &[&layer]);
    assert_eq!(read(&cache, &layer), Some(Ok(archive(&layer))));
}

#[test]
fn notices_archives_that_are_not_what_the_config_promised() {
    let place = Place::new(MemoryStore::new());
    let layer = place.layer("layer");
    // A poisoned image: blob and manifest agree, but the archive has another diff id than the config says.
    let honest = ImageRecipe::new()
        .platform("linux", "", None)
        .layer(&[("/file", b"poison", 0o644)])
        .build();
    let wrong = DraftLayer {
        diff_id: layer.diff_id,
        ..honest.layers[0].clone()
    };
    let mut draft =
        wharf_image::ImageDraft::empty(&platform("linux", ""), Family::Oci, "1980-01-01T00:00:01Z");
    draft.push_layer(wrong);
    let poisoned = draft.seal().unwrap().image;
    place
        .store
        .put_layer(&place.reference, &honest.layers[0])
        .unwrap();
    place.store.corrupt_blob(
        &place.reference,
        poisoned.config_digest(),
        poisoned.config_bytes().to_vec(),
    );
    place
        .store
        .put_manifest(&place.reference, poisoned.manifest_bytes().to_vec());
    let message = read(&place.cache(), &layer).unwrap().unwrap_err();
    assert!(message.contains(&layer.diff_id.to_string()), "{message}");
}

#[test]
fn takes_what_is_no_cache_image_for_an_empty_cache() {
    let place = Place::new(MemoryStore::new());
    place
        .store
        .put_manifest(&place.reference, br#"{"schemaVersion":1}"#.to_vec());
    assert_eq!(place.cache().metadata().unwrap(), CacheMetadata::default());
    assert_eq!(place.log.lines(Level::Warn).len(), 1);

    let place = Place::new(MemoryStore::new());
    let image = ImageRecipe::new()
        .layer(&[("/file", b"", 0o644)])
        .label(CACHE_METADATA, "{");
    image.push(place.store.as_ref(), &[&place.reference]);
    assert_eq!(place.cache().metadata().unwrap(), CacheMetadata::default());
    assert_eq!(place.log.lines(Level::Warn).len(), 1);
}

#[test]
fn refuses_a_layer_that_changed_since_its_diff_id_was_computed() {
    let place = Place::new(MemoryStore::new());
    let changed = place.layer("changed");
    std::fs::write(place.layers.path().join("changed/file"), "another text").unwrap();
    let cache = place.cache();
    let error = cache.begin().unwrap().put(&changed).unwrap_err();
    assert!(
        chain(&error).contains("it changed in between"),
        "{}",
        chain(&error)
    );
    assert_eq!(place.store.counts().uploads, 0);
}

#[test]
fn names_the_cache_when_the_store_refuses() {
    let place = Place::new(MemoryStore::new());
    place.store.deny(&place.reference, Access::Write);
    let cache = place.cache();
    let error = cache
        .begin()
        .unwrap()
        .put(&place.layer("layer"))
        .unwrap_err();
    assert!(chain(&error).starts_with("add layer to cache 'cache.example/team/app-cache:1': "));
    place.store.deny(&place.reference, Access::Read);
    let error = place.cache().metadata().unwrap_err();
    assert!(chain(&error).starts_with("read cache 'cache.example/team/app-cache:1': "));
}
