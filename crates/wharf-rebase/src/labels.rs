//! Labels and metadata of the rebased image.
use crate::{Base, RebaseError, RebaseInputs, Subject, error::MetadataError, run_image};
use serde_json::{Map, Value};
use wharf_image::{Image, ImageDraft};
use wharf_spec::{
    encode::json_text,
    labels::{LIFECYCLE_METADATA, lifecycle::LifecycleMetadata},
};

/// Bytes of a metadata label that are still parsed.
pub(crate) const MAX_LABEL: usize = 4 << 20;
/// Labels that describe the base.
const BASE_PREFIXES: [&str; 2] = ["io.buildpacks.stack.", "io.buildpacks.base."];

/// The lifecycle metadata of an app image.
pub fn read(app: &dyn Subject) -> Result<LifecycleMetadata, MetadataError> {
    let text = app
        .label(LIFECYCLE_METADATA)
        .ok_or(MetadataError::Missing)?;
    if text.len() > MAX_LABEL {
        return Err(MetadataError::TooLarge(text.len()));
    }
    serde_json::from_str(text).map_err(MetadataError::Malformed)
}

/// Records the new base and takes over the labels that describe it; labels only the old base had go.
pub(crate) fn update(
    draft: &mut ImageDraft,
    inputs: &RebaseInputs,
    app: &Image,
    base: &Base<'_>,
) -> Result<(), RebaseError> {
    let is_base = |name: &str| BASE_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let new = labels(base.image);
    for (name, _) in labels(app) {
        if is_base(name) && !new.iter().any(|(new, _)| *new == name) {
            draft.remove_label(name);
        }
    }
    for (name, value) in new {
        if is_base(name) {
            draft.set_label(name, value);
        }
    }
    let text = metadata_text(inputs, app, base)?;
    draft.set_label(LIFECYCLE_METADATA, &text);
    Ok(())
}

fn labels(image: &Image) -> Vec<(&str, &str)> {
    image
        .labels()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect()
}

/// The label with the new base in it. Members this lifecycle does not know stay.
fn metadata_text(
    inputs: &RebaseInputs,
    app: &Image,
    base: &Base<'_>,
) -> Result<String, RebaseError> {
    let failed = |source| RebaseError::Metadata {
        reference: inputs.app_image.to_string(),
        source,
    };
    let metadata = read(app).map_err(failed)?;
    let text = app.label(LIFECYCLE_METADATA).unwrap_or("{}");
    let mut label: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| failed(MetadataError::Malformed(error)))?;
    let mut run_image = match label.get("runImage") {
        Some(Value::Object(members)) => members.clone(),
        _ => Map::new(),
    };
    let top_layer = base.image.top_layer();
    let top_layer = top_layer.map(|layer| layer.to_string()).unwrap_or_default();
    run_image.insert("topLayer".into(), top_layer.into());
    run_image.insert("reference".into(), base.identifier.clone().into());
    let is_new_name = inputs.run_image.is_some()
        && !run_image::is_recorded(&metadata, base.reference)
        && inputs.features.base_contract == wharf_spec::api::BaseContract::Target;
    if is_new_name {
        run_image.insert("image".into(), base.reference.to_string().into());
        run_image.shift_remove("mirrors");
        if label.contains_key("stack") {
            let entry = serde_json::json!({ "image": base.reference.to_string() });
            label.insert("stack".into(), serde_json::json!({ "runImage": entry }));
        }
    }
    label.insert("runImage".into(), run_image.into());
    json_text(&label).map_err(RebaseError::Encode)
}
