//! One name for images of several platforms: each that has a new base is rebased, the others stay.
use crate::{
    Prepared, RebaseError, RebaseInputs,
    prepare::{Base, metadata, prepare},
    run_image,
    save::{put_blobs, put_image},
};
use serde_json::{Map, Value};
use wharf_image::{
    Descriptor, DraftLayer, Image, ImageError, ImageStore, LayerSource, StoreError, StoreErrorKind,
    Stored, index::IndexEntry,
};
use wharf_spec::{digest::Digest, encode::json_text, log::Log, reference::Reference};

/// An index with what became of its images.
#[derive(Debug)]
pub struct RebasedIndex {
    /// The new index, which is not written yet.
    pub index: Stored,
    /// Platforms that stay as they are, with the reason.
    pub unchanged: Vec<(String, RebaseError)>,
    /// The images that changed.
    pub old: Vec<Digest>,
}

/// Rebases what can be and writes the images of the index, but not the index itself.
pub fn rebase(
    inputs: &RebaseInputs,
    (stored, entries): (&Stored, &[IndexEntry]),
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<RebasedIndex, RebaseError> {
    let mut rebased = Vec::new();
    let mut unchanged = Vec::new();
    for entry in entries.iter().filter(|entry| entry.is_image()) {
        match one(inputs, entry, store, log) {
            Ok(prepared) => rebased.push((entry.descriptor.digest, prepared.sealed)),
            // What is only out of reach for now must not stay behind.
            Err(error) if error.is_temporary() => return Err(error),
            Err(error) => unchanged.push((platform(entry), error)),
        }
    }
    if rebased.is_empty() {
        return Err(first_failure(inputs, entries, unchanged));
    }
    for (platform, error) in &unchanged {
        let why = causes(error);
        log.warn(&format!("The image for {platform} stays as it is: {why}"));
    }
    let kept: Vec<_> = entries
        .iter()
        .filter(|entry| {
            rebased
                .iter()
                .all(|(old, _)| *old != entry.descriptor.digest)
        })
        .collect();
    for entry in kept.iter().filter(|entry| !entry.is_image()) {
        let digest = entry.descriptor.digest;
        log.warn(&format!(
            "{digest} stays as it is: it is no image, and may speak of one that was rebased"
        ));
    }
    let mut done: Vec<&Reference> = Vec::new();
    for output in &inputs.outputs {
        if done.iter().any(|seen| seen.same_repository(output)) {
            continue;
        }
        done.push(output);
        for (_, sealed) in &rebased {
            let pinned = output.with_digest(sealed.image.digest());
            put_blobs(&pinned, sealed, store, log)?;
            put_image(sealed, std::slice::from_ref(&pinned), store)?;
        }
        if !output.same_repository(&inputs.app_image) {
            for entry in &kept {
                bring(&inputs.app_image, output, entry.descriptor.digest, store)?;
            }
        }
    }
    let replaced: Vec<_> = rebased
        .iter()
        .map(|(old, sealed)| (*old, Stored::of_image(&sealed.image)))
        .collect();
    Ok(RebasedIndex {
        index: with_entries(stored, &replaced)?,
        unchanged,
        old: replaced.iter().map(|(old, _)| *old).collect(),
    })
}

/// The image of one entry on its new base.
fn one(
    inputs: &RebaseInputs,
    entry: &IndexEntry,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Prepared, RebaseError> {
    let pinned = inputs.app_image.with_digest(entry.descriptor.digest);
    let app = read(&pinned, store)?;
    let metadata = metadata(inputs, &app)?;
    let (reference, image) = run_image::find(inputs, &metadata, (&app.platform(), None), store)?;
    let base = Base {
        image: &image,
        reference: &reference,
        identifier: store.identify(&reference, &image),
    };
    log.info(&format!(
        "Rebasing {} for {} on run image {reference}",
        inputs.app_image,
        platform(entry)
    ));
    let prepared = prepare(inputs, &app, &base, &|family| store.family(family))?;
    for problem in &prepared.problems {
        log.warn(&problem.to_string());
    }
    Ok(prepared)
}

fn read(pinned: &Reference, store: &dyn ImageStore) -> Result<Image, RebaseError> {
    let stored = store
        .read_manifest(pinned)
        .map_err(RebaseError::ReadApp)?
        .ok_or_else(|| RebaseError::AppNotFound {
            reference: pinned.to_string(),
        })?;
    store
        .read_image(pinned, stored)
        .map_err(RebaseError::ReadApp)
}

fn platform(entry: &IndexEntry) -> String {
    entry
        .platform
        .as_ref()
        .map_or_else(|| entry.descriptor.digest.to_string(), ToString::to_string)
}

/// Why nothing could be rebased: the reason of the platform that was asked for, else the first.
fn first_failure(
    inputs: &RebaseInputs,
    entries: &[IndexEntry],
    mut unchanged: Vec<(String, RebaseError)>,
) -> RebaseError {
    let wanted = wharf_image::index::select(entries, &inputs.platform).map(platform);
    let at = unchanged
        .iter()
        .position(|(platform, _)| Some(platform) == wanted.as_ref())
        .unwrap_or(0);
    if at < unchanged.len() {
        return unchanged.swap_remove(at).1;
    }
    RebaseError::ReadApp(StoreError {
        action: "read image",
        reference: inputs.app_image.to_string(),
        kind: StoreErrorKind::WrongPlatform {
            wanted: inputs.platform.to_string(),
            available: wharf_image::index::offered(entries),
        },
    })
}

fn causes(error: &RebaseError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Brings a manifest that stays as it is, with everything it names, to another repository.
fn bring(
    from: &Reference,
    to: &Reference,
    digest: Digest,
    store: &dyn ImageStore,
) -> Result<(), RebaseError> {
    let pinned = from.with_digest(digest);
    let stored = store.read_manifest(&pinned).map_err(RebaseError::ReadApp)?;
    // What the index names but the registry does not have is missing there, too.
    let Some(stored) = stored else { return Ok(()) };
    for entry in stored
        .entries()
        .map_err(RebaseError::Seal)?
        .iter()
        .flatten()
    {
        bring(from, to, entry.descriptor.digest, store)?;
    }
    for blob in blobs(&stored) {
        let layer = DraftLayer {
            diff_id: blob.digest,
            descriptor: blob,
            created_by: None,
            source: LayerSource::Repository(from.clone()),
        };
        store.put_layer(to, &layer).map_err(RebaseError::Save)?;
    }
    let to = to.with_digest(digest);
    store
        .write_manifest(&stored, std::slice::from_ref(&to))
        .map_err(RebaseError::Save)
}

/// Config and layers of any manifest.
fn blobs(stored: &Stored) -> Vec<Descriptor> {
    let document: Value = serde_json::from_slice(&stored.bytes).unwrap_or_default();
    let layers = document["layers"].as_array().into_iter().flatten();
    layers
        .chain(document.get("config"))
        .filter_map(|value| {
            Some(Descriptor {
                media_type: value["mediaType"].as_str()?.to_owned(),
                digest: value["digest"].as_str()?.parse().ok()?,
                size: value["size"].as_u64()?,
                rest: Map::new(),
            })
        })
        .collect()
}

/// The index with other images in the places of some; all else stays.
fn with_entries(stored: &Stored, replaced: &[(Digest, Stored)]) -> Result<Stored, RebaseError> {
    let malformed = |error: &dyn std::fmt::Display| {
        RebaseError::Seal(ImageError::Malformed {
            document: "index",
            reason: error.to_string(),
        })
    };
    let mut document: Value =
        serde_json::from_slice(&stored.bytes).map_err(|error| malformed(&error))?;
    let entries = document["manifests"].as_array_mut();
    for entry in entries.into_iter().flatten() {
        let digest = entry["digest"].as_str().and_then(|text| text.parse().ok());
        let new = replaced.iter().find(|(old, _)| Some(*old) == digest);
        if let Some((_, new)) = new {
            entry["mediaType"] = new.media_type.clone().into();
            entry["digest"] = new.digest().to_string().into();
            entry["size"] = new.bytes.len().into();
            if let Some(members) = entry.as_object_mut() {
                members.shift_remove("data");
            }
        }
    }
    let text = json_text(&document).map_err(|error| malformed(&error))?;
    Ok(Stored::new(text.into_bytes(), &stored.media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_replaced_in_their_place_and_keep_what_else_they_say() {
        let old = Stored::new(br#"{"schemaVersion":2}"#.to_vec(), "m");
        let new = Stored::new(br#"{"schemaVersion":2,"config":{}}"#.to_vec(), "n");
        let (a, b) = (old.digest(), new.digest());
        let index = format!(
            r#"{{"manifests":[{{"digest":"{b}"}},{{"mediaType":"m","size":1,"digest":"{a}","platform":{{"os":"x"}},"data":"e30="}}],"of":"its own"}}"#
        );
        let index = Stored::new(index.into_bytes(), "index");
        let text = with_entries(&index, &[(a, new)]).unwrap().bytes;
        assert_eq!(
            String::from_utf8(text).unwrap(),
            format!(
                r#"{{"manifests":[{{"digest":"{b}"}},{{"mediaType":"n","size":31,"digest":"{b}","platform":{{"os":"x"}}}}],"of":"its own"}}"#
            )
        );
    }
}
