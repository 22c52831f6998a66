//! Stores that fail, and processes that end in the middle.
use crate::support::{quick, world};
use std::{
    collections::BTreeMap,
    io::Read,
    sync::atomic::{AtomicU64, Ordering},
};
use wharf_fleet::{
    ApplyOptions,
    apply::{End, MaxFailures, NoVerifier},
};
use wharf_image::{
    Access, Descriptor, DraftLayer, Image, ImageStore, Platform, SealedImage, StoreError,
    StoreErrorKind, Stored, Transfer, Written,
};
use wharf_spec::{digest::Digest, reference::Reference};
use wharf_testkit::{
    MemoryStore,
    fleet::{Kind, next},
};

/// Fails some calls, before or after they take effect.
#[derive(Debug)]
struct Faulty<'a> {
    store: &'a MemoryStore,
    calls: AtomicU64,
    seed: u64,
    /// Of 100 calls so many fail.
    percent: u64,
    kind: fn() -> StoreErrorKind,
}

impl Faulty<'_> {
    fn call<T>(
        &self,
        reference: &Reference,
        call: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let random = next(
            self.seed
                .wrapping_add(number.wrapping_mul(0x1234_5678_9abc)),
        );
        let fails = random % 100 < self.percent;
        let failure = || StoreError {
            action: "do",
            reference: reference.to_string(),
            kind: (self.kind)(),
        };
        if fails && random & 1024 == 0 {
            return Err(failure());
        }
        let result = call();
        if fails { Err(failure()) } else { result }
    }
}

impl ImageStore for Faulty<'_> {
    fn find(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Image>, StoreError> {
        self.call(reference, || self.store.find(reference, platform))
    }
    fn read_manifest(&self, reference: &Reference) -> Result<Option<Stored>, StoreError> {
        self.call(reference, || self.store.read_manifest(reference))
    }
    fn read_image(&self, reference: &Reference, manifest: Stored) -> Result<Image, StoreError> {
        self.call(reference, || self.store.read_image(reference, manifest))
    }
    fn write_manifest(&self, manifest: &Stored, tags: &[Reference]) -> Result<(), StoreError> {
        self.call(&tags[0], || self.store.write_manifest(manifest, tags))
    }
    fn open_blob(
        &self,
        from: &Reference,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        self.call(from, || self.store.open_blob(from, blob))
    }
    fn check_access(&self, reference: &Reference, access: Access) -> Result<(), StoreError> {
        self.store.check_access(reference, access)
    }
    fn put_layer(&self, to: &Reference, layer: &DraftLayer) -> Result<Transfer, StoreError> {
        self.call(to, || self.store.put_layer(to, layer))
    }
    fn put_image(&self, image: &SealedImage, tags: &[Reference]) -> Result<Written, StoreError> {
        self.call(&tags[0], || self.store.put_image(image, tags))
    }
    fn identify(&self, reference: &Reference, image: &Image) -> String {
        self.store.identify(reference, image)
    }
    fn delete(&self, reference: &Reference, digest: Digest) -> Result<(), StoreError> {
        self.store.delete(reference, digest)
    }
}

fn overloaded() -> StoreErrorKind {
    StoreErrorKind::Server {
        status: 503,
        detail: "busy".into(),
    }
}

fn denied() -> StoreErrorKind {
    StoreErrorKind::Denied {
        detail: "no".into(),
    }
}

#[test]
fn an_overloaded_registry_is_left_alone_and_then_served() {
    for seed in 0..6 {
        // Very many tags hardly ever survive an attempt here; a real store tries each request again by itself.
        let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::ManyTags);
        let world = world(seed, 20, &kinds.collect::<Vec<_>>());
        let store = Faulty {
            store: &world.store,
            calls: AtomicU64::new(0),
            seed,
            percent: 5,
            kind: overloaded,
        };
        let options = ApplyOptions {
            attempts: 40,
            ..quick()
        };
        let applied = world.apply_with(&store, &options, &NoVerifier);
        let why: Vec<_> = world
            .state()
            .images
            .into_values()
            .filter_map(|image| image.why)
            .collect();
        assert_eq!(
            applied.counts,
            BTreeMap::from([("rebased", 10)]),
            "{seed} {why:?}"
        );
        world.judge();
    }
}

#[test]
fn what_fails_for_good_is_tried_again_by_the_next_apply_only() {
    let world = world(3, 12, &[Kind::Plain]);
    let store = Faulty {
        store: &world.store,
        calls: AtomicU64::new(0),
        seed: 3,
        percent: 10,
        kind: denied,
    };
    let applied = world.apply_with(&store, &quick(), &NoVerifier);
    let failed = applied.count("failed");
    assert!(failed > 0 && failed < 12, "{applied:?}");
    let state = world.state();
    assert_eq!(
        state.images.values().filter(|image| image.failed).count(),
        failed
    );
    let again = world.apply(&quick());
    assert_eq!(again.count("failed"), 0);
    assert_eq!(again.count("rebased"), failed);
    world.judge();
}

#[test]
fn too_many_failures_stop_it() {
    let world = world(4, 40, &[Kind::Plain]);
    let store = Faulty {
        store: &world.store,
        calls: AtomicU64::new(0),
        seed: 4,
        percent: 100,
        kind: denied,
    };
    let options = ApplyOptions {
        max_failures: Some(MaxFailures::Percent(10)),
        per_registry: 1,
        ..quick()
    };
    let applied = world.apply_with(&store, &options, &NoVerifier);
    assert_eq!(applied.end, End::TooManyFailures);
    assert_eq!(
        applied.counts,
        BTreeMap::from([("failed", 5), ("not begun", 35)])
    );
}
