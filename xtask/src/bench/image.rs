//! Sizes of finished images, read from where they lie.
use anyhow::{Context, Result};
use serde_json::Value;
use std::{fs, path::Path};

/// Compressed sizes of the layers of an image, lowest first.
pub(super) type Layers = Vec<f64>;

/// Of the tag `latest` of a repository in a registry's data directory.
pub(super) fn in_registry(data: &Path, repository: &str) -> Result<Layers> {
    let data = data.join("docker/registry/v2");
    let link = data.join(format!(
        "repositories/{repository}/_manifests/tags/latest/current/link"
    ));
    let digest = fs::read_to_string(&link).with_context(|| format!("read {}", link.display()))?;
    let hex = digest.trim().trim_start_matches("sha256:");
    let blob = data.join(format!(
        "blobs/sha256/{}/{hex}/data",
        hex.get(..2).unwrap_or_default()
    ));
    layers(&blob)
}

/// Of the only image of a layout.
pub(super) fn in_layout(dir: &Path) -> Result<Layers> {
    let index = read(&dir.join("index.json"))?;
    let digest = index["manifests"][0]["digest"].as_str().unwrap_or_default();
    layers(&dir.join("blobs").join(digest.replacen(':', "/", 1)))
}

fn layers(manifest: &Path) -> Result<Layers> {
    let manifest = read(manifest)?;
    let layers = manifest["layers"]
        .as_array()
        .context("the manifest has no layers")?;
    Ok(layers
        .iter()
        .filter_map(|layer| layer["size"].as_f64())
        .collect())
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("parse {}", path.display()))
}
