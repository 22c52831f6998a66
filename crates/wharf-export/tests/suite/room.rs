//! Images that do or do not fit where they go.
use crate::common::{Stage, reference};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use wharf_export::ExportError;
use wharf_image::{Freeable, Limited, NoRoom, Room, Rooms};
use wharf_spec::{api::PlatformApi, log::Level, reference::Reference};
use wharf_testkit::{ImageRecipe, RecordingLog, memory_store::Counts};

/// A limit for each repository, which is a place of its own.
#[derive(Debug, Default)]
struct Limits {
    left: BTreeMap<String, u64>,
    neighbours: Option<Vec<Reference>>,
    asked: Mutex<usize>,
}

impl Rooms for Limits {
    fn room(&self, to: &Reference) -> Room {
        *self.asked.lock().unwrap() += 1;
        match self.left.get(&to.name()) {
            Some(left) => Room::Limited(Limited {
                place: to.name(),
                limit: 1000 + left,
                used: 1000,
            }),
            None => Room::Unknown("nobody knows".to_owned()),
        }
    }

    fn is_same_place(&self, one: &Reference, other: &Reference) -> bool {
        one.same_repository(other)
    }

    fn neighbours(&self, _to: &Reference) -> Option<Vec<Reference>> {
        self.neighbours.clone()
    }

    fn freeable(&self, _to: &Reference) -> Option<Freeable> {
        None
    }
}

fn limits(left: &[(&str, u64)]) -> Limits {
    let left = left.iter().map(|(name, left)| ((*name).to_owned(), *left));
    Limits {
        left: left.collect(),
        neighbours: Some(Vec::new()),
        ..Limits::default()
    }
}

fn stage() -> Stage {
    let run_image = ImageRecipe::new().layer(&[("etc/base", b"base", 0o644)]);
    let mut stage = Stage::new(PlatformApi::LATEST, &run_image);
    stage.set_group("[[group]]\nid = \"a/b\"\nversion = \"1\"\napi = \"0.12\"\n");
    for name in ["first", "second"] {
        stage.write(&format!("layers/a_b/{name}/file"), name, 0o644);
        let toml = format!("layers/a_b/{name}.toml");
        stage.write(&toml, "[types]\nlaunch = true\n", 0o644);
    }
    stage.write("workspace/main", "app", 0o644);
    stage.store.reset_counts();
    stage
}

/// A stage, and what its image adds to a place that has nothing of it: to `r.example/new`, where it goes next. The
/// stage has to be the same, since its path is in the image.
fn weighed() -> (Stage, u64) {
    let mut stage = stage();
    stage.export(&RecordingLog::new()).unwrap();
    let image = stage.image("r.example/app");
    let layers = image.layers().iter();
    let documents = image.config_bytes().len() + image.manifest_bytes().len();
    let need = layers.map(|layer| layer.descriptor.size).sum::<u64>() + documents as u64;
    stage.inputs.outputs = vec![reference("r.example/new")];
    stage.store.reset_counts();
    (stage, need)
}

fn refused(stage: &Stage) -> NoRoom {
    let exported = stage.export(&RecordingLog::new());
    let error = exported.map(|exported| exported.digest).unwrap_err();
    let no_room = match error {
        ExportError::NoRoom(no_room) => Some(*no_room),
        _ => None,
    };
    no_room.unwrap()
}

fn writes(counts: Counts) -> (usize, usize, usize) {
    (counts.uploads, counts.mounts, counts.image_writes)
}

#[test]
fn a_byte_too_few_refuses_before_anything_is_written_and_a_byte_more_is_enough() {
    let (mut stage, need) = weighed();
    stage.inputs.rooms = Some(Arc::new(limits(&[("r.example/new", need - 1)])));
    let no_room = refused(&stage);
    assert_eq!(no_room.need, need);
    assert_eq!(no_room.room.used + no_room.need, no_room.room.limit + 1);
    assert_eq!(no_room.largest.len(), 3);
    assert!(no_room.largest.is_sorted_by(|one, other| one.1 >= other.1));
    assert_eq!(writes(stage.store.counts()), (0, 0, 0));

    stage.inputs.rooms = Some(Arc::new(limits(&[("r.example/new", need)])));
    let exported = stage.export(&RecordingLog::new()).unwrap();
    assert_eq!(stage.store.counts().image_writes, 1);
    // Weighed or not, the image is the same.
    assert_eq!(exported.digest, stage.image("r.example/app").digest());
    assert_eq!(exported.digest, stage.image("r.example/new").digest());
}

#[test]
fn every_place_an_image_goes_to_is_weighed() {
    let (mut stage, need) = weighed();
    stage.inputs.outputs.push(reference("r.example/narrow"));
    let left = [("r.example/new", 1 << 40), ("r.example/narrow", need - 1)];
    stage.inputs.rooms = Some(Arc::new(limits(&left)));
    let no_room = refused(&stage);
    assert_eq!(no_room.room.place, "r.example/narrow");
    assert_eq!(writes(stage.store.counts()), (0, 0, 0));
}

#[test]
fn much_room_is_asked_about_once_and_holds_nothing_up() {
    let mut stage = stage();
    let rooms = Arc::new(limits(&[("r.example/app", 1 << 30)]));
    stage.inputs.rooms = Some(rooms.clone());
    stage.export(&RecordingLog::new()).unwrap();
    assert_eq!(*rooms.asked.lock().unwrap(), 1);
}

#[test]
fn an_unknown_limit_is_a_debug_line() {
    let mut stage = stage();
    stage.inputs.rooms = Some(Arc::new(limits(&[])));
    let log = RecordingLog::new();
    stage.export(&log).unwrap();
    let line = "No quota is known for 'r.example/app': nobody knows".to_owned();
    assert!(log.lines(Level::Debug).contains(&line));
    assert_eq!(log.lines(Level::Warn), [""; 0]);
}

#[test]
fn where_neighbours_cannot_be_asked_there_is_a_warning_and_no_refusal() {
    let (mut stage, need) = weighed();
    let mut rooms = limits(&[("r.example/new", need - 1)]);
    rooms.neighbours = None;
    stage.inputs.rooms = Some(Arc::new(rooms));
    let log = RecordingLog::new();
    stage.export(&log).unwrap();
    let warnings = log.lines(Level::Warn);
    assert!(
        warnings[0].starts_with("Going on although "),
        "{warnings:?}"
    );
    assert!(warnings[0].contains(", 1 B too much"), "{warnings:?}");
}

#[test]
fn what_a_neighbour_holds_is_not_added() {
    let (mut stage, need) = weighed();
    let mut rooms = limits(&[("r.example/new", 0)]);
    rooms.neighbours = Some(vec![reference("r.example/app")]);
    stage.inputs.rooms = Some(Arc::new(rooms));
    // The store in memory keeps manifests apart from blobs, so that the manifest alone is new.
    let no_room = refused(&stage);
    assert!(no_room.need < need / 2, "{no_room}");
    assert_eq!(no_room.largest[0].0, "manifest");
    assert_eq!(no_room.largest.len(), 1);
}

#[test]
fn work_ends_as_soon_as_what_is_made_alone_is_too_large() {
    let mut stage = stage();
    let mut state = 1_u64;
    let noise: String = (0..24 << 20)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(state.to_be_bytes()[3] & 0x7f)
        })
        .collect();
    stage.write("layers/a_b/first/noise", &noise, 0o644);
    stage.inputs.rooms = Some(Arc::new(limits(&[("r.example/app", 1 << 20)])));
    let log = RecordingLog::new();
    let error = stage.export(&log).unwrap_err();
    assert!(matches!(error, ExportError::NoRoom(_)), "{error}");
    assert_eq!(log.lines(Level::Info), ["Adding layer 'a/b:first'"]);
    assert_eq!(writes(stage.store.counts()), (0, 0, 0));
}
