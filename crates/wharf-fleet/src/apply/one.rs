//! One image: looked at, made, announced, written, read back.
use super::Outcome;
use crate::{
    base::NewBase,
    journal::{Event, ImageState, JournalError},
    plan::PlannedImage,
    verdict::inputs,
};
use std::{
    error::Error,
    fmt::Write,
    time::{Duration, Instant},
};
use wharf_image::{
    DraftLayer, ImageStore, LayerSource, SealedImage, StoreError, StoreErrorKind, Stored,
    index::IndexEntry,
};
use wharf_rebase::{Base, RebaseError, RebaseInputs, index, prepare};
use wharf_spec::{
    digest::Digest,
    log::{Level, Log},
    reference::{Reference, ReferenceError},
};

/// A tag is looked at once more when it was looked at so long ago.
const STALE: Duration = Duration::from_secs(5);

/// Why work on an image ended without a new one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("{0}")]
    Skip(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Rebase(#[from] RebaseError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("'{reference}' is not what was written: it is {found} where {written} was written")]
    ReadBack {
        reference: String,
        found: String,
        written: Digest,
    },
}

/// What every image needs.
pub(crate) struct Work<'a> {
    pub(crate) store: &'a dyn ImageStore,
    pub(crate) base: &'a NewBase,
    pub(crate) keep_tag: Option<&'a str>,
    pub(crate) dry_run: bool,
    /// Writes a line of the journal.
    pub(crate) note: &'a dyn Fn(Event) -> Result<(), JournalError>,
}

struct NoLog;

impl Log for NoLog {
    fn line(&self, _: Level, _: &str) {}
}

/// What is to be written.
enum New {
    Image(Box<SealedImage>),
    Index(Stored),
}

impl New {
    fn stored(&self) -> Stored {
        match self {
            Self::Image(sealed) => Stored::of_image(&sealed.image),
            Self::Index(index) => index.clone(),
        }
    }
}

/// Rebases one image and writes to the journal what became of it.
pub(crate) fn run(
    work: &Work<'_>,
    planned: &PlannedImage,
    before: &ImageState,
) -> Result<Outcome, JournalError> {
    let outcome = match attempt(work, planned, before) {
        Ok(outcome) => outcome,
        Err(Trouble::Journal(error)) => return Err(error),
        Err(Trouble::Skip(why)) => Outcome::Skipped { why },
        Err(trouble) => Outcome::Failed {
            is_temporary: is_temporary(&trouble),
            why: chain(&trouble),
        },
    };
    let image = planned.key();
    match &outcome {
        _ if work.dry_run => {}
        Outcome::Rebased { new, tags } => (work.note)(Event::Done {
            image,
            new: new.clone(),
            tags: tags.clone(),
        })?,
        Outcome::Skipped { why } => (work.note)(Event::Skipped {
            image,
            why: why.clone(),
        })?,
        // What may do later is noted when it will not be tried again.
        Outcome::Failed { why, is_temporary } if !is_temporary => (work.note)(Event::Failed {
            image,
            why: why.clone(),
        })?,
        _ => {}
    }
    Ok(outcome)
}

/// The tags by what they stand for now.
struct Tags {
    /// As planned.
    old: Vec<(String, Reference)>,
    /// Written by an apply that did not get to say so.
    announced: Vec<(String, Digest)>,
    /// Anything else.
    moved: Vec<String>,
    manifest: Option<Stored>,
}

fn attempt(
    work: &Work<'_>,
    planned: &PlannedImage,
    before: &ImageState,
) -> Result<Outcome, Trouble> {
    let started = Instant::now();
    let first = format!("{}:any", planned.repository).parse()?;
    if !work.dry_run {
        work.store.announce(&first, &work.base.reference);
    }
    let tags = look(work.store, planned, before)?;
    let finished: Vec<String> = tags.announced.iter().map(|(tag, _)| tag.clone()).collect();
    let (Some(manifest), false) = (tags.manifest, tags.old.is_empty()) else {
        return match tags.announced.first() {
            Some((_, new)) => Ok(Outcome::Rebased {
                new: new.to_string(),
                tags: finished,
            }),
            None => Err(Trouble::Skip(tags.moved.join("; "))),
        };
    };
    let references: Vec<Reference> = tags.old.iter().map(|(_, tag)| tag.clone()).collect();
    let app = format!("{}@{}", planned.repository, planned.digest).parse::<Reference>()?;
    // The images of an index are written while it is made, so its digest shows only then.
    if work.dry_run && matches!(manifest.entries(), Ok(Some(_))) {
        return Ok(Outcome::WouldBe {
            new: "an index".into(),
        });
    }
    let new = make(work, &app, &manifest)?;
    let written = new.stored();
    if written.digest() == manifest.digest() {
        return Err(Trouble::Skip("it stands on the new base".into()));
    }
    if work.dry_run {
        return Ok(Outcome::WouldBe {
            new: written.digest().to_string(),
        });
    }
    let names: Vec<String> = tags.old.iter().map(|(tag, _)| tag.clone()).collect();
    (work.note)(Event::Writing {
        image: planned.key(),
        new: written.digest().to_string(),
        tags: names.clone(),
    })?;
    write(work, (&app, &references, &manifest), &new, started)?;
    read_back(work.store, &references[0], &written)?;
    Ok(Outcome::Rebased {
        new: written.digest().to_string(),
        tags: names.into_iter().chain(finished).collect(),
    })
}

/// Keeps the old image in reach, brings what is missing, and writes the tags.
fn write(
    work: &Work<'_>,
    (app, tags, old): (&Reference, &[Reference], &Stored),
    new: &New,
    started: Instant,
) -> Result<(), Trouble> {
    if let Some(tag) = work.keep_tag {
        let kept = format!("{}:{tag}", app.name()).parse::<Reference>()?;
        work.store.write_manifest(old, &[kept])?;
    }
    if let New::Image(sealed) = new {
        let layers = sealed.layers.iter();
        for layer in layers.filter(|layer| !is_there(work, app, layer)) {
            work.store.put_layer(app, layer)?;
        }
    }
    if started.elapsed() > STALE {
        still_there(work.store, &tags[0], old)?;
    }
    match new {
        New::Image(sealed) => drop(work.store.put_image(sealed, tags)?),
        New::Index(index) => work.store.write_manifest(index, tags)?,
    }
    Ok(())
}

fn look(
    store: &dyn ImageStore,
    planned: &PlannedImage,
    before: &ImageState,
) -> Result<Tags, Trouble> {
    let mut tags = Tags {
        old: Vec::new(),
        announced: Vec::new(),
        moved: Vec::new(),
        manifest: None,
    };
    let announced: Vec<&str> = before
        .announced
        .iter()
        .map(|written| written.new.as_str())
        .collect();
    for tag in &planned.tags {
        let reference: Reference = format!("{}:{tag}", planned.repository).parse()?;
        let Some(found) = store.read_manifest(&reference)? else {
            tags.moved.push(format!("tag {tag} is gone"));
            continue;
        };
        let digest = found.digest();
        let text = digest.to_string();
        if text == planned.digest {
            tags.old.push((tag.clone(), reference));
            tags.manifest = Some(found);
        } else if announced.contains(&text.as_str()) {
            tags.announced.push((tag.clone(), digest));
        } else {
            tags.moved.push(format!(
                "tag {tag} was moved to {text} since the plan was made"
            ));
        }
    }
    Ok(tags)
}

/// The new image or index; the images of an index are written on the way, under their digests.
fn make(work: &Work<'_>, app: &Reference, manifest: &Stored) -> Result<New, Trouble> {
    let entries = manifest.entries().map_err(|error| of_image(app, error))?;
    if let Some(entries) = entries {
        return make_index(work, app, (manifest, &entries)).map(New::Index);
    }
    let image = work.store.read_image(app, manifest.clone())?;
    let platform = image.platform();
    let base = work
        .base
        .for_platform(&platform)
        .ok_or_else(|| Trouble::Skip(format!("the new run image has none for {platform}")))?;
    let told = inputs(app, &work.base.reference, &platform);
    let base = Base {
        image: base,
        reference: &work.base.reference,
        identifier: work.base.reference.with_digest(base.digest()).to_string(),
    };
    let prepared = prepare(&told, &image, &base, &|family| work.store.family(family))?;
    Ok(New::Image(Box::new(prepared.sealed)))
}

fn make_index(
    work: &Work<'_>,
    app: &Reference,
    (manifest, entries): (&Stored, &[IndexEntry]),
) -> Result<Stored, Trouble> {
    let platform = wharf_image::Platform::any();
    let pinned = work.base.reference.with_digest(work.base.digest);
    let told = RebaseInputs {
        run_image: Some(pinned),
        ..inputs(app, &work.base.reference, &platform)
    };
    Ok(index::rebase(&told, (manifest, entries), work.store, &NoLog)?.index)
}

/// Several images are on their way at a time; of one image one thing after the other needs no further threads.
fn is_there(work: &Work<'_>, app: &Reference, layer: &DraftLayer) -> bool {
    matches!(&layer.source, LayerSource::Repository(from) if work.store.is_shared(from, app))
}

fn still_there(store: &dyn ImageStore, tag: &Reference, manifest: &Stored) -> Result<(), Trouble> {
    let now = store.read_manifest(tag)?.map(|found| found.digest());
    if now == Some(manifest.digest()) {
        return Ok(());
    }
    Err(Trouble::Skip(format!("'{tag}' was moved meanwhile")))
}

fn read_back(store: &dyn ImageStore, tag: &Reference, written: &Stored) -> Result<(), Trouble> {
    let found = store.read_manifest(tag)?;
    if found.as_ref().map(|found| &found.bytes) == Some(&written.bytes) {
        return Ok(());
    }
    Err(Trouble::ReadBack {
        reference: tag.to_string(),
        found: found.map_or_else(|| "nothing".into(), |found| found.digest().to_string()),
        written: written.digest(),
    })
}

fn of_image(app: &Reference, error: wharf_image::ImageError) -> StoreError {
    StoreError {
        action: "read image",
        reference: app.to_string(),
        kind: StoreErrorKind::Image(error),
    }
}

fn is_temporary(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Store(error) => error.is_temporary(),
        Trouble::Rebase(error) => error.is_temporary(),
        _ => false,
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.ends_with(&next) {
            let _ = write!(text, ": {next}");
        }
        source = error.source();
    }
    text
}
