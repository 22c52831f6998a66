//! The next cache (platform spec, "exporter > Outputs"; buildpack spec, "Cached Layers").
use crate::{CacheExportError, ExportInputs, Exported, files, metadata::layer_metadata};
use std::{collections::BTreeMap, error::Error};
use wharf_cache::{CacheLayer, CacheTransaction, CacheWrite};
use wharf_layer::{LayerContent, LayerError, layers_dir};
use wharf_spec::{
    api::SbomPaths,
    digest::Digest,
    files::{
        fingerprints::{Fingerprints, Seen},
        group::{Group, GroupElement},
    },
    labels::lifecycle::{BuildpackLayers, CacheMetadata, LayerSha},
    log::Log,
};

/// What went into the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheExport {
    /// Layers that were there.
    pub reused: Vec<String>,
    /// Layers that were written.
    pub added: Vec<String>,
    /// Layers that could not be cached; each has had its warning.
    pub failed: Vec<String>,
    /// Layers there was no room for.
    pub left_out: Vec<String>,
}

/// Writes every cached layer, their SBOM files and their metadata, then makes them the contents of `cache` at once.
///
/// A layer that cannot be cached costs a warning. `exported` saves work: layers that are also in the image are not
/// hashed again, and a cache in the same store takes their blobs from there.
pub fn export_cache(
    inputs: &ExportInputs,
    group: &Group,
    exported: Option<&Exported>,
    transaction: Box<dyn CacheTransaction + '_>,
    log: &dyn Log,
) -> Result<CacheExport, CacheExportError> {
    let mut export = Export {
        inputs,
        exported,
        transaction,
        log,
        result: CacheExport::default(),
    };
    let mut metadata = CacheMetadata::default();
    for element in &group.group {
        let buildpack = export.buildpack(element)?;
        metadata.buildpacks.push(buildpack);
    }
    metadata.sbom = export.sbom().unwrap_or_default();
    export.limit(&mut metadata)?;
    export.remember()?;
    export
        .transaction
        .commit(&metadata)
        .map_err(CacheExportError::Commit)?;
    Ok(export.result)
}

struct Export<'a> {
    inputs: &'a ExportInputs,
    exported: Option<&'a Exported>,
    transaction: Box<dyn CacheTransaction + 'a>,
    log: &'a dyn Log,
    result: CacheExport,
}

impl Export<'_> {
    fn buildpack(&mut self, element: &GroupElement) -> Result<BuildpackLayers, CacheExportError> {
        let directory = self.inputs.layers_root().join(element.id.dir_name());
        let layers =
            layers_dir::read(&directory).map_err(|source| CacheExportError::ReadLayers {
                buildpack: element.id.to_string(),
                source,
            })?;
        let mut described = BTreeMap::new();
        for layer in layers {
            if !layer.metadata.layer_types().cache {
                continue;
            }
            let name = format!("{}:{}", element.id, layer.name);
            if !layer.has_directory {
                self.fail(&name, "because it has no contents");
                continue;
            }
            let content = LayerContent::Tree {
                root: layer.path.clone(),
                owner: self.inputs.owner,
            };
            let types = layer.metadata.layer_types();
            // What only serves the next build is of use when somebody looks into it.
            let is_used = types.launch || types.build || content.was_read().unwrap_or(true);
            if let Some(diff_id) = self.put(&name, (content, is_used)) {
                described.insert(layer.name.to_string(), layer_metadata(&layer, diff_id));
            }
        }
        Ok(BuildpackLayers {
            key: element.id.to_string(),
            version: element.version.clone(),
            layers: described,
            store: None,
        })
    }

    /// Leaves out what there is no room for.
    fn limit(&mut self, metadata: &mut CacheMetadata) -> Result<(), CacheExportError> {
        let Some(limit) = self.inputs.cache_limit else {
            return Ok(());
        };
        let held = self.transaction.held().map_err(CacheExportError::Commit)?;
        for diff_id in wharf_cache::excess(held, limit) {
            let left_out = self.transaction.leave_out(diff_id);
            left_out.map_err(CacheExportError::Commit)?;
            let is_gone = |layer: &LayerSha| layer.diff_id() == Some(diff_id);
            for buildpack in &mut metadata.buildpacks {
                let id = &buildpack.key;
                let gone = buildpack.layers.extract_if(.., |_, layer| {
                    layer.sha.parse::<Digest>().ok() == Some(diff_id)
                });
                let names = gone.map(|(name, _)| format!("{id}:{name}"));
                self.result.left_out.extend(names);
            }
            if is_gone(&metadata.sbom) {
                metadata.sbom = LayerSha::default();
            }
        }
        for name in &self.result.left_out {
            self.log.info(&format!(
                "Leaving out cache layer '{name}': the cache may have {limit} bytes"
            ));
        }
        Ok(())
    }

    /// Keeps what was seen of the app.
    fn remember(&mut self) -> Result<(), CacheExportError> {
        let layers = self.exported.map_or(&[][..], |exported| &exported.layers);
        let Some(root) = self.inputs.app_root().to_str().map(ToOwned::to_owned) else {
            return Ok(());
        };
        let seen = layers.iter().filter_map(|layer| {
            let taken = layer.fingerprint?;
            Some(Seen {
                root: root.clone(),
                fingerprint: taken.fingerprint(),
                newest: taken.newest(),
                diff_id: layer.diff_id,
            })
        });
        let fingerprints = Fingerprints {
            seen: seen.collect(),
        };
        if fingerprints.seen.is_empty() {
            return Ok(());
        }
        let kept = self.transaction.remember(&fingerprints);
        kept.map_err(CacheExportError::Commit)
    }

    fn sbom(&mut self) -> Option<LayerSha> {
        let root = self.inputs.layers_root().join("sbom").join("cache");
        let wanted = self.inputs.platform_api.features().sbom_paths == SbomPaths::ByKind;
        if !wanted || !files::is_real_dir(&root) {
            return None;
        }
        let content = LayerContent::Tree {
            root,
            owner: self.inputs.owner,
        };
        self.put("buildpacksio/lifecycle:cache.sbom", (content, true))
            .map(LayerSha::new)
    }

    /// The diff ID of a layer that is in the cache alone.
    fn diff_id(&self, content: &LayerContent) -> Result<Digest, LayerError> {
        let fingerprints = &self.inputs.fingerprints;
        if let LayerContent::Tree { root, .. } = content
            && let Some(newest) = root.to_str().and_then(|root| fingerprints.newest(root))
            && let Some(taken) = content.fingerprint_up_to(Some(newest))?
            && let Some(diff_id) = fingerprints.diff_id(taken.fingerprint())
        {
            return Ok(diff_id);
        }
        self.inputs.encoder.diff_id(content)
    }

    /// The diff ID, when the layer is in the next contents.
    fn put(&mut self, name: &str, (content, is_used): (LayerContent, bool)) -> Option<Digest> {
        let known = self
            .exported
            .and_then(|exported| exported.layers.iter().find(|layer| layer.name == name));
        let diff_id = match known.map_or_else(|| self.diff_id(&content), |layer| Ok(layer.diff_id))
        {
            Ok(diff_id) => diff_id,
            Err(error) => {
                self.fail(name, &format!(": {}", chain(&error)));
                return None;
            }
        };
        let blob = known
            .zip(self.exported)
            .map(|(layer, exported)| (exported.reference.clone(), layer.descriptor.clone()));
        let written = self.transaction.put(&CacheLayer {
            diff_id,
            content,
            blob,
            is_used,
        });
        let (verb, list) = match written {
            Ok(CacheWrite::Reused) => ("Reusing", &mut self.result.reused),
            Ok(CacheWrite::Added) => ("Adding", &mut self.result.added),
            Err(error) => {
                self.fail(name, &format!(": {}", chain(&error)));
                return None;
            }
        };
        list.push(name.to_owned());
        self.log.info(&format!("{verb} cache layer '{name}'"));
        self.log.debug(&format!("Layer '{name}' SHA: {diff_id}"));
        Some(diff_id)
    }

    fn fail(&mut self, name: &str, why: &str) {
        let blank = if why.starts_with(':') { "" } else { " " };
        self.log
            .warn(&format!("Failed to cache layer '{name}'{blank}{why}"));
        self.result.failed.push(name.to_owned());
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
