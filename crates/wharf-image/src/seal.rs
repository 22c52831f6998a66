//! Drafts into bytes.
use crate::{
    descriptor::Descriptor,
    draft::{DraftLayer, ImageDraft, SealedImage},
    family::Family,
    image::{Image, ImageError, digest_of},
    json::{Document, malformed},
};
use serde_json::{Map, Value, json};
use wharf_layer::Compression;
use wharf_spec::encode;

/// Order of the members of a manifest; others follow by name.
const MANIFEST: [&str; 4] = ["schemaVersion", "mediaType", "config", "layers"];
/// Order of the members of a config, as Go programs write it; others follow by name.
const CONFIG: [&str; 9] = [
    "architecture",
    "created",
    "history",
    "os",
    "rootfs",
    "config",
    "os.version",
    "variant",
    "os.features",
];
/// Members of a descriptor and of a history entry that come first.
const LEADING: [&str; 5] = ["mediaType", "size", "digest", "created", "created_by"];

pub(crate) fn seal(draft: ImageDraft) -> Result<SealedImage, ImageError> {
    let family = final_family(&draft)?;
    let layers = in_family(draft.layers, family)?;
    let config = config_bytes(draft.config, &draft.created, draft.history, &layers)?;
    let mut descriptor = Descriptor {
        media_type: family.config().to_owned(),
        digest: digest_of(&config),
        size: config.len() as u64,
        rest: Map::new(),
    };
    // What the replaced descriptor said beyond its content is kept, embedded content is not.
    if let Some(Value::Object(old)) = draft.manifest.get("config") {
        let kept = old
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "mediaType" | "digest" | "size" | "data"));
        descriptor
            .rest
            .extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    }
    let mut manifest = draft.manifest;
    manifest.insert("schemaVersion".into(), 2.into());
    manifest.insert("mediaType".into(), family.manifest().into());
    manifest.insert("config".into(), descriptor.to_json());
    let descriptors = layers.iter().map(|layer| layer.descriptor.to_json());
    manifest.insert("layers".into(), descriptors.collect());
    let manifest = text(Document::Manifest, canonical(manifest, &MANIFEST))?;
    let image = Image::parse(manifest, config)?;
    Ok(SealedImage { image, layers })
}

/// The draft's family, unless that has no name for one of the layers.
fn final_family(draft: &ImageDraft) -> Result<Family, ImageError> {
    for layer in &draft.layers {
        if layer.descriptor.layer_compression()? == Compression::Zstd {
            return Ok(Family::Oci);
        }
    }
    Ok(draft.family)
}

fn in_family(layers: Vec<DraftLayer>, family: Family) -> Result<Vec<DraftLayer>, ImageError> {
    layers
        .into_iter()
        .map(|layer| {
            Ok(DraftLayer {
                descriptor: layer.descriptor.in_family(family)?,
                ..layer
            })
        })
        .collect()
}

fn config_bytes(
    mut config: Map<String, Value>,
    created: &str,
    history: Vec<crate::history::History>,
    layers: &[DraftLayer],
) -> Result<Vec<u8>, ImageError> {
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| layer.diff_id.to_string())
        .collect();
    config.insert("created".into(), created.into());
    config.insert(
        "rootfs".into(),
        json!({ "type": "layers", "diff_ids": diff_ids }),
    );
    let history = history.into_iter().map(|entry| entry.into_json(created));
    config.insert("history".into(), history.collect());
    text(Document::Config, canonical(config, &CONFIG))
}

fn text(document: Document, members: Map<String, Value>) -> Result<Vec<u8>, ImageError> {
    encode::json_text(&Value::Object(members))
        .map(String::into_bytes)
        .map_err(|error| malformed(document, &error.to_string()))
}

/// The members named by `leading` first, the others by name; the same at every level below with [`LEADING`].
fn canonical(members: Map<String, Value>, leading: &[&str]) -> Map<String, Value> {
    let rank = |name: &str| {
        leading
            .iter()
            .position(|known| *known == name)
            .unwrap_or(leading.len())
    };
    let mut members: Vec<(String, Value)> = members.into_iter().collect();
    members.sort_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
    members
        .into_iter()
        .map(|(name, value)| (name, canonical_value(value)))
        .collect()
}

fn canonical_value(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(canonical(members, &LEADING)),
        Value::Array(items) => Value::Array(items.into_iter().map(canonical_value).collect()),
        other => other,
    }
}
