//! What fits where, and what has to be asked to know it.
use std::{
    io::Read,
    sync::{Arc, Mutex},
};
use wharf_image::{
    Access, Descriptor, DraftLayer, Freeable, Image, ImageStore, Limited, Platform, Referrer, Room,
    Rooms, SealedImage, StoreError, Stored, Transfer, Written,
    room::{Part, Verdict, weigh},
};
use wharf_spec::{digest::Digest, reference::Reference};
use wharf_testkit::MemoryStore;

/// Blobs by repository, and how often anybody asked.
#[derive(Debug, Default)]
struct Blobs {
    inner: MemoryStore,
    held: Vec<(String, Digest)>,
    asked: Arc<Mutex<usize>>,
}

impl ImageStore for Blobs {
    fn has_blob(&self, at: &Reference, digest: Digest) -> Result<bool, StoreError> {
        *self.asked.lock().unwrap() += 1;
        Ok(self.held.contains(&(at.name(), digest)))
    }

    fn find(&self, at: &Reference, platform: &Platform) -> Result<Option<Image>, StoreError> {
        self.inner.find(at, platform)
    }

    fn read_manifest(&self, at: &Reference) -> Result<Option<Stored>, StoreError> {
        self.inner.read_manifest(at)
    }

    fn write_manifest(&self, manifest: &Stored, tags: &[Reference]) -> Result<(), StoreError> {
        self.inner.write_manifest(manifest, tags)
    }

    fn referrers(
        &self,
        reference: &Reference,
        subject: Digest,
    ) -> Result<Vec<Referrer>, StoreError> {
        self.inner.referrers(reference, subject)
    }

    fn open_blob(
        &self,
        from: &Reference,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        self.inner.open_blob(from, blob)
    }

    fn check_access(&self, at: &Reference, access: Access) -> Result<(), StoreError> {
        self.inner.check_access(at, access)
    }

    fn put_layer(&self, to: &Reference, layer: &DraftLayer) -> Result<Transfer, StoreError> {
        self.inner.put_layer(to, layer)
    }

    fn put_image(&self, image: &SealedImage, tags: &[Reference]) -> Result<Written, StoreError> {
        self.inner.put_image(image, tags)
    }

    fn identify(&self, reference: &Reference, image: &Image) -> String {
        self.inner.identify(reference, image)
    }

    fn delete(&self, reference: &Reference, digest: Digest) -> Result<(), StoreError> {
        self.inner.delete(reference, digest)
    }
}

/// A place with so many repositories beside, and so many bytes left.
#[derive(Debug)]
struct Place {
    left: u64,
    neighbours: usize,
}

impl Rooms for Place {
    fn room(&self, _to: &Reference) -> Room {
        Room::Limited(Limited {
            place: "here".to_owned(),
            limit: self.left,
            used: 0,
        })
    }

    fn is_same_place(&self, one: &Reference, other: &Reference) -> bool {
        one.same_repository(other)
    }

    fn neighbours(&self, _to: &Reference) -> Option<Vec<Reference>> {
        (0..self.neighbours)
            .map(|number| format!("r.example/n{number}").parse().ok())
            .collect()
    }

    fn freeable(&self, _to: &Reference) -> Option<Freeable> {
        None
    }
}

fn digest(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}

/// Parts of these sizes, named by their number from 1.
fn parts(sizes: &[u64]) -> Vec<Part<'static>> {
    let numbered = (1..).zip(sizes);
    numbered
        .map(|(number, size)| Part {
            name: "part",
            digest: digest(number),
            size: *size,
            source: None,
        })
        .collect()
}

fn judged(place: &Place, held: &[(&str, u8)], sizes: &[u64]) -> (Verdict, usize) {
    let held = held
        .iter()
        .map(|(name, number)| (format!("r.example/{name}"), digest(*number)));
    let store = Blobs {
        held: held.collect(),
        ..Blobs::default()
    };
    let to = "r.example/app".parse().unwrap();
    let verdict = weigh((&store, place), &to, &parts(sizes));
    let asked = *store.asked.lock().unwrap();
    (verdict, asked)
}

fn need(verdict: &Verdict) -> Option<u64> {
    match verdict {
        Verdict::TooLarge(no_room) => Some(no_room.need),
        Verdict::Fits | Verdict::Unsure(_) => None,
    }
}

#[test]
fn nothing_is_asked_when_everything_fits_anyway() {
    let place = Place {
        left: 60,
        neighbours: 5,
    };
    assert_eq!(judged(&place, &[], &[10, 20, 30]), (Verdict::Fits, 0));
}

#[test]
fn the_repository_itself_is_asked_before_its_neighbours() {
    let place = Place {
        left: 30,
        neighbours: 5,
    };
    assert_eq!(
        judged(&place, &[("app", 3)], &[10, 20, 30]),
        (Verdict::Fits, 3)
    );
    let (verdict, asked) = judged(&place, &[("app", 2)], &[10, 20, 30]);
    assert_eq!((need(&verdict), asked), (Some(40), 3 + 2 * 5));
}

#[test]
fn asking_ends_when_the_rest_fits() {
    let place = Place {
        left: 30,
        neighbours: 4,
    };
    // The largest is found, so that the others need not be asked for.
    assert_eq!(
        judged(&place, &[("n2", 3)], &[10, 20, 30]),
        (Verdict::Fits, 3 + 4)
    );
}

#[test]
fn with_very_many_neighbours_what_is_surely_missing_may_be_enough() {
    let crowded = |left| Place {
        left,
        neighbours: 400,
    };
    // One part can be asked for; it is too large by itself.
    let (verdict, asked) = judged(&crowded(25), &[], &[10, 20, 30]);
    assert_eq!((need(&verdict), asked), (Some(30), 3 + 400));
    // It is not, and of the others nobody knows.
    let (verdict, _) = judged(&crowded(35), &[], &[10, 20, 30]);
    assert!(
        matches!(&verdict, Verdict::Unsure(no_room) if no_room.need == 60),
        "{verdict:?}"
    );
}
