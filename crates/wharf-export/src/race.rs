//! Whether somebody else wrote the tags meanwhile.
use crate::{ExportError, ExportInputs, Handoff};
use wharf_image::{ImageStore, MovedTag, StoreError, TagRace, WatchedTags};
use wharf_spec::{digest::Digest, log::Log, reference::Reference};

/// Looks at the tags that will be written.
pub(crate) fn watch(
    inputs: &ExportInputs,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<WatchedTags, ExportError> {
    if inputs.tag_race == TagRace::Off {
        return Ok(WatchedTags::default());
    }
    or_unknown(inputs, WatchedTags::look(store, &inputs.outputs), log)
}

/// Tags that somebody else has moved since the analysis, or since this export began. Says so; an error where that is wanted.
pub(crate) fn check(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    (watched, written): (&WatchedTags, Digest),
    (store, log): (&dyn ImageStore, &dyn Log),
) -> Result<Vec<MovedTag>, ExportError> {
    let mut moved = or_unknown(inputs, watched.moved(store, written), log)?;
    for tag in &mut moved {
        if let Analysis::Held(digest) = analyzed(inputs, handoff, &tag.tag) {
            tag.before = digest;
        }
    }
    if moved.is_empty() {
        let early = moved_since_analysis(inputs, handoff, (watched, written), store);
        moved.extend(or_unknown(inputs, early, log)?);
    }
    if inputs.tag_race == TagRace::Fail && !moved.is_empty() {
        return Err(ExportError::TagMoved { moved, written });
    }
    for tag in &moved {
        log.warn(&tag.replaced_by(written));
    }
    Ok(moved)
}

/// The first output, when it no longer held what the analyzer found under it when this export began.
fn moved_since_analysis(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    (watched, written): (&WatchedTags, Digest),
    store: &dyn ImageStore,
) -> Result<Option<MovedTag>, StoreError> {
    let tag = &inputs.outputs[0];
    let now = watched.held(tag);
    let Analysis::Held(before) = analyzed(inputs, handoff, tag) else {
        return Ok(None);
    };
    if !watched.watches(tag) || before == now || now == Some(written) {
        return Ok(None);
    }
    // The analyzer chooses from an index, which has a digest of its own.
    let image = match now {
        Some(now) => store.find(&tag.with_digest(now), &inputs.platform)?,
        None => None,
    };
    if image.is_some_and(|image| Some(image.digest()) == before) {
        return Ok(None);
    }
    Ok(Some(MovedTag {
        tag: tag.clone(),
        before,
        now,
    }))
}

/// What the analyzer found under a tag.
enum Analysis {
    /// It did not look.
    Unknown,
    /// An image, or nothing.
    Held(Option<Digest>),
}

fn analyzed(inputs: &ExportInputs, handoff: &Handoff<'_>, tag: &Reference) -> Analysis {
    match &handoff.analyzed.previous_image {
        Some(previous) if previous.image.is_empty() && *tag == inputs.outputs[0] => {
            if previous.reference.is_empty() {
                return Analysis::Held(None);
            }
            let reference = previous.reference.parse::<Reference>().ok();
            let reference = reference.filter(|it| it.same_repository(tag));
            let digest = reference.and_then(|reference| reference.digest());
            digest.map_or(Analysis::Unknown, |digest| Analysis::Held(Some(digest)))
        }
        _ => Analysis::Unknown,
    }
}

/// Who may write a tag and not read it learns nothing of races, unless they are to be errors.
fn or_unknown<T: Default>(
    inputs: &ExportInputs,
    looked: Result<T, StoreError>,
    log: &dyn Log,
) -> Result<T, ExportError> {
    match looked {
        Err(error) if inputs.tag_race == TagRace::Fail => Err(ExportError::WatchTags(error)),
        Err(error) => {
            log.debug(&format!(
                "Whether tags are moved meanwhile is unknown: {error}"
            ));
            Ok(T::default())
        }
        Ok(found) => Ok(found),
    }
}
