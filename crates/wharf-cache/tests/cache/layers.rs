//! Layers to cache.
use std::{fs, io::Read, num::NonZeroUsize, path::Path};
use wharf_cache::{Cache, CacheLayer};
use wharf_layer::{Encoder, LayerContent, Method, Owner};
use wharf_spec::labels::lifecycle::{BuildpackLayers, CacheMetadata, LayerMetadata};

/// A layer with one file.
pub(crate) fn layer(dir: &Path, name: &str, content: &str) -> CacheLayer {
    let root = dir.join(name);
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("file"), content).unwrap();
    let content = LayerContent::Tree {
        root,
        owner: Owner {
            uid: 1000,
            gid: 1000,
        },
    };
    let encoder = Encoder::new(NonZeroUsize::MIN, dir, Method::default());
    CacheLayer {
        diff_id: encoder.diff_id(&content).unwrap(),
        content,
        blob: None,
        is_used: true,
    }
}

/// The uncompressed archive of a layer.
pub(crate) fn archive(layer: &CacheLayer) -> Vec<u8> {
    let mut bytes = Vec::new();
    layer.content.write_tar(&mut bytes).unwrap();
    bytes
}

/// Metadata that lists the layers by number.
pub(crate) fn metadata(layers: &[&CacheLayer]) -> CacheMetadata {
    let layers = layers.iter().enumerate().map(|(number, layer)| {
        let metadata = LayerMetadata {
            sha: layer.diff_id.to_string(),
            cache: true,
            ..LayerMetadata::default()
        };
        (number.to_string(), metadata)
    });
    CacheMetadata {
        buildpacks: vec![BuildpackLayers {
            key: "example/<first>".into(),
            version: "1".into(),
            layers: layers.collect(),
            store: None,
        }],
        ..CacheMetadata::default()
    }
}

/// What a cache has under a diff ID, or the message of a failed read.
pub(crate) fn read(cache: &dyn Cache, layer: &CacheLayer) -> Option<Result<Vec<u8>, String>> {
    let mut reader = cache.open_layer(layer.diff_id).unwrap()?;
    let mut bytes = Vec::new();
    let read = reader.read_to_end(&mut bytes);
    Some(read.map(|_| bytes).map_err(|error| error.to_string()))
}
