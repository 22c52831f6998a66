//! How much may be written to where an image goes, and whether an image fits.
use crate::{descriptor::Descriptor, store::ImageStore};
use std::{collections::HashSet, fmt, thread};
use wharf_spec::{digest::Digest, reference::Reference};

/// Questions asked of a store at a time.
const AT_ONCE: usize = 4;
/// Questions asked of other repositories at most.
const PATIENCE: usize = 600;
/// Layers that a message names.
const NAMED: usize = 3;

/// What the limit of a place leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Room {
    /// There is no limit.
    Unlimited,
    /// There is one.
    Limited(Limited),
    /// Nobody can tell, for this reason. Then nothing is refused beforehand.
    Unknown(String),
}

/// A limit and what is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// The place, such as `project 'team' at 'r.example'`.
    pub place: String,
    /// Bytes it may hold.
    pub limit: u64,
    /// Bytes it holds.
    pub used: u64,
}

impl Limited {
    /// Whether `bytes` more fit; the limit may be reached.
    pub fn fits(&self, bytes: u64) -> bool {
        self.used.saturating_add(bytes) <= self.limit
    }
}

/// What could go to make room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeable {
    /// Images without a tag.
    pub images: u64,
    /// Bytes they hold at most: some may be shared with images that stay.
    pub bytes: u64,
    /// What shows and frees it.
    pub command: String,
}

/// Knows the limits of places. A place is what a limit is on: a project in Harbor.
pub trait Rooms: fmt::Debug + Send + Sync {
    /// What the limit leaves where `to` is, at this moment.
    fn room(&self, to: &Reference) -> Room;

    /// Whether a blob that counts in the place of one counts in that of the other.
    fn is_same_place(&self, one: &Reference, other: &Reference) -> bool;

    /// The other repositories of the place of `to`, whose blobs count already. `None` when nobody can tell.
    fn neighbours(&self, to: &Reference) -> Option<Vec<Reference>>;

    /// What could go from the repository of `to`.
    fn freeable(&self, to: &Reference) -> Option<Freeable>;
}

/// A blob that is to be written.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// What people call it.
    pub name: &'a str,
    /// Its digest.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Where it is already.
    pub source: Option<&'a Reference>,
}

impl<'a> Part<'a> {
    /// A blob by its descriptor.
    pub fn of(name: &'a str, descriptor: &Descriptor, source: Option<&'a Reference>) -> Self {
        Self {
            name,
            digest: descriptor.digest,
            size: descriptor.size,
            source,
        }
    }
}

/// Something does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct NoRoom {
    /// Where it was to go.
    pub to: Reference,
    /// The limit and what is in use.
    pub room: Limited,
    /// Bytes to add.
    pub need: u64,
    /// Names and sizes of the largest parts.
    pub largest: Vec<(String, u64)>,
    /// What could go.
    pub freeable: Option<Freeable>,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limited { place, limit, used } = &self.room;
        let over = used.saturating_add(self.need).saturating_sub(*limit);
        write!(
            f,
            "'{}' does not fit: it adds {} to the {} of {} in use in {place}, {} too much",
            self.to,
            size(self.need),
            size(*used),
            size(*limit),
            size(over)
        )?;
        let largest: Vec<_> = self
            .largest
            .iter()
            .map(|(name, bytes)| format!("'{name}' ({})", size(*bytes)))
            .collect();
        if !largest.is_empty() {
            write!(f, "; largest: {}", largest.join(", "))?;
        }
        match &self.freeable {
            Some(freeable) => write!(f, "; {freeable}"),
            None => write!(f, "; free space there or have the quota raised"),
        }
    }
}

impl fmt::Display for Freeable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            images,
            bytes,
            command,
        } = self;
        let bytes = size(*bytes);
        write!(
            f,
            "{images} superseded image(s) hold up to {bytes}, '{command}' frees them; or have the quota raised"
        )
    }
}

/// What weighing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It fits, or nobody can tell why it should not.
    Fits,
    /// It fits only if some of it counts already, which nobody can tell.
    Unsure(NoRoom),
    /// It does not fit.
    TooLarge(NoRoom),
}

/// Compares what `parts` add where `to` is with what its limit leaves. The store is asked only as much as is needed to
/// be sure: not at all when everything fits even if nothing is there.
pub fn weigh(
    (store, rooms): (&dyn ImageStore, &dyn Rooms),
    to: &Reference,
    parts: &[Part<'_>],
) -> Verdict {
    let Room::Limited(room) = rooms.room(to) else {
        return Verdict::Fits;
    };
    let mut seen = HashSet::new();
    let mut missing: Vec<&Part<'_>> = parts
        .iter()
        .filter(|part| seen.insert(part.digest))
        .filter(|part| {
            let is_there = |source| rooms.is_same_place(source, to);
            !part.source.is_some_and(is_there)
        })
        .collect();
    if room.fits(total(&missing)) {
        return Verdict::Fits;
    }
    missing = without_known(store, to, &missing);
    if room.fits(total(&missing)) {
        return Verdict::Fits;
    }
    missing.sort_by_key(|part| std::cmp::Reverse(part.size));
    let (missing, is_sure) = match rooms.neighbours(to) {
        Some(neighbours) => without_neighbours(store, &neighbours, &room, &missing),
        None => (missing, false),
    };
    if room.fits(total(&missing)) {
        return Verdict::Fits;
    }
    let largest = missing.iter().take(NAMED);
    let no_room = NoRoom {
        to: to.clone(),
        need: total(&missing),
        room,
        largest: largest
            .map(|part| (part.name.to_owned(), part.size))
            .collect(),
        freeable: rooms.freeable(to),
    };
    if is_sure {
        Verdict::TooLarge(no_room)
    } else {
        Verdict::Unsure(no_room)
    }
}

/// The parts that none of `neighbours` has, and whether that is sure. The largest are asked for first: when patience ends,
/// those that are missing for sure may be too large by themselves, and then nothing else counts.
fn without_neighbours<'a, 'b>(
    store: &dyn ImageStore,
    neighbours: &[Reference],
    room: &Limited,
    parts: &[&'a Part<'b>],
) -> (Vec<&'a Part<'b>>, bool) {
    let mut patience = PATIENCE;
    let mut missing = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let rest = &parts[index..];
        if room.fits(total(&missing).saturating_add(total(rest))) {
            missing.extend(rest);
            return (missing, true);
        }
        if patience < neighbours.len() {
            if room.fits(total(&missing)) {
                missing.extend(rest);
                return (missing, false);
            }
            return (missing, true);
        }
        patience -= neighbours.len();
        if !neighbours
            .chunks(AT_ONCE)
            .any(|some| is_in_any(store, some, part.digest))
        {
            missing.push(part);
        }
    }
    (missing, true)
}

/// Whether one of a few repositories has a blob. What cannot be asked for counts as there: a refusal must be sure.
fn is_in_any(store: &dyn ImageStore, repositories: &[Reference], digest: Digest) -> bool {
    thread::scope(|scope| {
        let asked: Vec<_> = repositories
            .iter()
            .map(|at| scope.spawn(move || store.has_blob(at, digest).unwrap_or(true)))
            .collect();
        let answers: Vec<_> = asked
            .into_iter()
            .map(|answer| answer.join().unwrap_or(true))
            .collect();
        answers.contains(&true)
    })
}

fn total(parts: &[&Part<'_>]) -> u64 {
    parts
        .iter()
        .fold(0, |sum: u64, part| sum.saturating_add(part.size))
}

/// The parts that are not in a repository. What cannot be asked for counts as there: a refusal must be sure.
fn without_known<'a, 'b>(
    store: &dyn ImageStore,
    at: &Reference,
    parts: &[&'a Part<'b>],
) -> Vec<&'a Part<'b>> {
    let mut missing = Vec::new();
    for group in parts.chunks(AT_ONCE) {
        let known: Vec<bool> = thread::scope(|scope| {
            let ask = |part: &&Part<'_>| {
                let digest = part.digest;
                scope.spawn(move || store.has_blob(at, digest).unwrap_or(true))
            };
            let asked: Vec<_> = group.iter().map(ask).collect();
            let answers = asked.into_iter();
            answers
                .map(|answer| answer.join().unwrap_or(true))
                .collect()
        });
        let parts = group.iter().zip(known);
        missing.extend(parts.filter(|(_, known)| !known).map(|(part, _)| *part));
    }
    missing
}

/// Bytes for people, exact as long as they are few.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 10_240 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    // Tenths, so that no floating point is needed.
    let mut tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_as_long_as_they_are_few() {
        let sizes = [0, 1, 10_239, 10_240, 1_572_864, 10_737_418_240];
        let expected = ["0 B", "1 B", "10239 B", "10.0 KiB", "1.5 MiB", "10.0 GiB"];
        assert_eq!(sizes.map(size), expected);
    }

    #[test]
    fn the_message_says_by_how_much_what_is_largest_and_what_may_go() {
        let no_room = NoRoom {
            to: "r.example/team/app".parse().unwrap(),
            room: Limited {
                place: "project 'team' at 'r.example'".to_owned(),
                limit: 1000,
                used: 600,
            },
            need: 500,
            largest: vec![("node".to_owned(), 300), ("slice-1".to_owned(), 100)],
            freeable: None,
        };
        assert_eq!(
            no_room.to_string(),
            "'r.example/team/app' does not fit: it adds 500 B to the 600 B of 1000 B in use in project 'team' at \
             'r.example', 100 B too much; largest: 'node' (300 B), 'slice-1' (100 B); free space there or have the \
             quota raised"
        );
        let freeable = Some(Freeable {
            images: 2,
            bytes: 2_097_152,
            command: "wharf prune r.example/team/app --keep 1".to_owned(),
        });
        let no_room = NoRoom {
            freeable,
            ..no_room
        };
        assert!(no_room.to_string().ends_with(
            "; 2 superseded image(s) hold up to 2.0 MiB, 'wharf prune r.example/team/app --keep 1' frees them; or have \
             the quota raised"
        ));
    }
}
