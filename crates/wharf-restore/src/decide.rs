//! Per layer, what is restored from where, and why (buildpack spec, "Layer Types").
use std::collections::BTreeMap;
use wharf_spec::{
    digest::Digest,
    files::group::Group,
    id::{BuildpackId, LayerName},
    labels::lifecycle::{
        BuildpackLayers, CacheMetadata, LayerMetadata, LifecycleMetadata, Metadata,
    },
};

/// Where metadata come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The label of the previous image.
    AppImage,
    /// The cache.
    Cache,
}

/// Why a layer's metadata are not restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Not a launch layer of the app image.
    NotLaunch,
    /// Needed at build time, and not cached: the buildpack makes it anew.
    BuildNotCached,
    /// A cached layer that the cache does not have.
    NotInCache,
    /// Not a cached layer of the cache.
    NotCached,
    /// A cached launch layer whose metadata come from the app image.
    LaunchInCache,
    /// The name cannot be a layer.
    BadName,
}

/// What happens to a layer's metadata.
#[derive(Debug, Clone, PartialEq)]
pub enum MetadataDecision {
    /// `<layer>.toml` is written.
    Restore(Origin, Metadata),
    /// Nothing is written.
    Leave(Origin, Reason),
}

/// What happens to a layer's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataDecision {
    /// The cache has none for it.
    None,
    /// It is extracted from the cache.
    Restore(Digest),
    /// The cache has other content than the metadata describe: the layer is not restored at all.
    WrongSha,
}

/// What happens to one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The buildpack.
    pub buildpack: BuildpackId,
    /// The layer, as the metadata name it.
    pub layer: String,
    /// Its metadata.
    pub metadata: MetadataDecision,
    /// Its content.
    pub data: DataDecision,
}

impl Decision {
    /// `<buildpack>:<layer>`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.buildpack, self.layer)
    }

    /// The log line, and whether it is for debugging only.
    pub fn line(&self) -> (String, bool) {
        let name = self.name();
        let leave = |from: &str, why: &str| {
            (
                format!("Not restoring {from} \"{name}\", marked as {why}"),
                true,
            )
        };
        match &self.metadata {
            MetadataDecision::Restore(Origin::AppImage, _) => (
                format!("Restoring metadata for \"{name}\" from app image"),
                false,
            ),
            MetadataDecision::Restore(Origin::Cache, _) => (
                format!("Restoring metadata for \"{name}\" from cache"),
                false,
            ),
            MetadataDecision::Leave(_, Reason::NotLaunch) => leave("metadata for", "launch=false"),
            MetadataDecision::Leave(_, Reason::BuildNotCached) => {
                leave("metadata for", "build=true, cache=false")
            }
            MetadataDecision::Leave(_, Reason::NotInCache) => {
                leave("metadata for", "cache=true, but not found in cache")
            }
            MetadataDecision::Leave(_, Reason::NotCached) => leave("from cache", "cache=false"),
            MetadataDecision::Leave(_, Reason::LaunchInCache) => leave("from cache", "launch=true"),
            MetadataDecision::Leave(_, Reason::BadName) => (
                format!("Not restoring \"{name}\", it has no name that a layer can have"),
                false,
            ),
        }
    }
}

/// Decides for every layer of every buildpack of `group`: layers of the app image first, then those of the cache,
/// each in the order of their names. `launch_from_cache`: metadata of cached launch layers that the app image does
/// not have come from the cache.
pub fn decide(
    app: &LifecycleMetadata,
    cache: &CacheMetadata,
    group: &Group,
    launch_from_cache: bool,
) -> Vec<Decision> {
    let none = BTreeMap::new();
    let mut decisions = Vec::new();
    for element in &group.group {
        let in_app = layers_of(&app.buildpacks, &element.id).unwrap_or(&none);
        let in_cache = layers_of(&cache.buildpacks, &element.id).unwrap_or(&none);
        let mut push = |layer: &str, metadata, data| {
            let (metadata, data) = if layer.parse::<LayerName>().is_ok() {
                (metadata, data)
            } else {
                let leave = MetadataDecision::Leave(origin_of(&metadata), Reason::BadName);
                (leave, DataDecision::None)
            };
            decisions.push(Decision {
                buildpack: element.id.clone(),
                layer: layer.to_owned(),
                metadata,
                data,
            });
        };
        for (name, layer) in in_app {
            let cached = in_cache.get(name).filter(|layer| layer.cache);
            let metadata = from_app(layer, cached);
            let data = data(&metadata, layer, cached);
            push(name, metadata, data);
        }
        for (name, layer) in in_cache {
            let app_restores = in_app
                .get(name)
                .map(|app| from_app(app, Some(layer).filter(|layer| layer.cache)))
                .is_some_and(|metadata| matches!(metadata, MetadataDecision::Restore(..)));
            if app_restores {
                continue;
            }
            let launch_allowed = launch_from_cache && !in_app.contains_key(name);
            let metadata = from_cache(layer, launch_allowed);
            let data = data(&metadata, layer, Some(layer));
            push(name, metadata, data);
        }
    }
    decisions
}

fn layers_of<'a>(
    buildpacks: &'a [BuildpackLayers],
    id: &BuildpackId,
) -> Option<&'a BTreeMap<String, LayerMetadata>> {
    buildpacks
        .iter()
        .find(|buildpack| buildpack.key == id.as_str())
        .map(|buildpack| &buildpack.layers)
}

fn origin_of(metadata: &MetadataDecision) -> Origin {
    match metadata {
        MetadataDecision::Restore(origin, _) | MetadataDecision::Leave(origin, _) => *origin,
    }
}

fn from_app(layer: &LayerMetadata, cached: Option<&LayerMetadata>) -> MetadataDecision {
    let leave = |reason| MetadataDecision::Leave(Origin::AppImage, reason);
    if !layer.launch {
        leave(Reason::NotLaunch)
    } else if layer.build && !layer.cache {
        leave(Reason::BuildNotCached)
    } else if layer.cache && cached.is_none() {
        leave(Reason::NotInCache)
    } else {
        MetadataDecision::Restore(Origin::AppImage, layer.data.clone())
    }
}

fn from_cache(layer: &LayerMetadata, launch_allowed: bool) -> MetadataDecision {
    let leave = |reason| MetadataDecision::Leave(Origin::Cache, reason);
    if !layer.cache {
        leave(Reason::NotCached)
    } else if layer.launch && !launch_allowed {
        leave(Reason::LaunchInCache)
    } else {
        MetadataDecision::Restore(Origin::Cache, layer.data.clone())
    }
}

/// Content is only ever restored from the cache, and only when it is what the metadata describe.
fn data(
    metadata: &MetadataDecision,
    described: &LayerMetadata,
    cached: Option<&LayerMetadata>,
) -> DataDecision {
    match (metadata, cached) {
        (MetadataDecision::Restore(..), Some(cached)) => match cached.sha.parse() {
            Ok(digest) if cached.sha == described.sha => DataDecision::Restore(digest),
            _ => DataDecision::WrongSha,
        },
        _ => DataDecision::None,
    }
}

#[cfg(test)]
mod tests;
