//! Whether somebody else wrote the app image meanwhile.
use crate::{RebaseError, RebaseInputs};
use wharf_image::{ImageStore, MovedTag, TagRace, WatchedTags};
use wharf_spec::{digest::Digest, log::Log};

/// The app image, when it is about to be replaced and is not what was read any more: what somebody built meanwhile would
/// be lost under an older one. Says so; an error where that is wanted.
pub(crate) fn check(
    inputs: &RebaseInputs,
    (read, written): (Digest, Digest),
    (store, log): (&dyn ImageStore, &dyn Log),
) -> Result<Vec<MovedTag>, RebaseError> {
    if inputs.tag_race == TagRace::Off || !inputs.outputs.contains(&inputs.app_image) {
        return Ok(Vec::new());
    }
    let watched = WatchedTags::default().with(&inputs.app_image, Some(read));
    let moved = watched.moved(store, written).map_err(RebaseError::Save)?;
    if inputs.tag_race == TagRace::Fail && !moved.is_empty() {
        return Err(RebaseError::TagMoved { moved, written });
    }
    for tag in &moved {
        log.warn(&tag.replaced_by(written));
    }
    Ok(moved)
}
