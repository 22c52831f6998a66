//! Whether an image is one that every runtime accepts.
use crate::{Image, family::Family, image::Layer};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use wharf_layer::Compression;

/// Everything that is wrong with `image`; empty when it is fine. Judges media types of one family, equal counts of
/// layers, diff IDs and history, platform members, unique environment names.
pub fn validate(image: &Image) -> Vec<String> {
    let mut problems = Vec::new();
    media_types(image, &mut problems);
    layers(image.layers(), &mut problems);
    history(image, &mut problems);
    platform(image.config(), &mut problems);
    environment(image, &mut problems);
    label_values(image, &mut problems);
    problems
}

fn media_types(image: &Image, problems: &mut Vec<String>) {
    let family = image.family();
    let manifest = image.manifest();
    if manifest.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
        problems.push("manifest has no schemaVersion 2".into());
    }
    let own = manifest.get("mediaType").and_then(Value::as_str);
    if own.is_some_and(|own| own != family.manifest())
        || (own.is_none() && family == Family::Docker)
    {
        problems.push("manifest has no media type of its own".into());
    }
    let config = manifest
        .get("config")
        .and_then(|config| config.get("mediaType"));
    if config.and_then(Value::as_str) != Some(family.config()) {
        problems.push(format!("config is not of media type {}", family.config()));
    }
    let config_size = manifest.get("config").and_then(|config| config.get("size"));
    if config_size.and_then(Value::as_u64) != Some(image.config_bytes().len() as u64) {
        problems.push("config has another size than its descriptor says".into());
    }
    for (index, layer) in image.layers().iter().enumerate() {
        let media_type = &layer.descriptor.media_type;
        let compression = layer.descriptor.layer_compression();
        let in_family = compression.is_ok_and(|compression| {
            media_type == family.layer(compression)
                && (family, compression) != (Family::Docker, Compression::Zstd)
        });
        if !in_family {
            problems.push(format!(
                "layer {index} has media type {media_type} in a manifest of media type {}",
                family.manifest()
            ));
        }
    }
}

fn layers(layers: &[Layer], problems: &mut Vec<String>) {
    if layers.is_empty() {
        problems.push("image has no layers".into());
    }
    for (index, layer) in layers.iter().enumerate() {
        if layer.descriptor.size == 0 {
            problems.push(format!("layer {index} has size 0"));
        }
    }
}

fn history(image: &Image, problems: &mut Vec<String>) {
    let Some(history) = image.config().get("history") else {
        return;
    };
    let is_of_layer = |entry: &&Value| entry.get("empty_layer") != Some(&Value::Bool(true));
    let entries = history
        .as_array()
        .map_or(0, |entries| entries.iter().filter(is_of_layer).count());
    if entries != image.layers().len() {
        problems.push(format!(
            "history has {entries} entries for {} layers",
            image.layers().len()
        ));
    }
}

fn platform(config: &Map<String, Value>, problems: &mut Vec<String>) {
    for name in ["os", "architecture"] {
        let value = config.get(name).and_then(Value::as_str);
        if value.is_none_or(str::is_empty) {
            problems.push(format!("config has no '{name}'"));
        }
    }
    let rootfs = config.get("rootfs").and_then(|rootfs| rootfs.get("type"));
    if rootfs.and_then(Value::as_str) != Some("layers") {
        problems.push("config has no rootfs of type 'layers'".into());
    }
    let created = config.get("created");
    if created.is_some_and(|created| !created.is_string()) {
        problems.push("config has a 'created' that is no text".into());
    }
}

fn environment(image: &Image, problems: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    for (name, _) in image.env_entries() {
        if name.is_empty() {
            problems.push("environment has a variable without a name".into());
        } else if !names.insert(name) {
            problems.push(format!("environment sets '{name}' twice"));
        }
    }
}

fn label_values(image: &Image, problems: &mut Vec<String>) {
    let labels = image.labels().into_iter().flatten();
    for (name, _) in labels.filter(|(_, value)| !value.is_string()) {
        problems.push(format!("label '{name}' is no text"));
    }
}
