//! The value of the lifecycle label (platform spec, "io.buildpacks.lifecycle.metadata").
use crate::{
    ExportInputs, Handoff, Role,
    apply::Located,
    collect::{Collected, CollectedBuildpack},
};
use std::collections::BTreeMap;
use wharf_layer::layers_dir::BuildpackLayer;
use wharf_spec::{
    api::BaseContract,
    digest::Digest,
    files::{analyzed::RunImage, run::RunImageMetadata},
    labels::lifecycle::{
        BuildpackLayers, LayerMetadata, LayerSha, LifecycleMetadata, RunImageInfo, StackInfo,
        StoreMetadata,
    },
    reference::Reference,
};

/// The value of the lifecycle label.
pub(crate) fn metadata(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    base: &Located,
    (collected, layers): (&Collected, &[(Role, Digest)]),
) -> LifecycleMetadata {
    let exec_env = inputs.platform_api.features().exec_env;
    let mut metadata = LifecycleMetadata {
        exec_env: if exec_env {
            inputs.exec_env.to_string()
        } else {
            String::new()
        },
        buildpacks: collected.buildpacks.iter().map(empty_entry).collect(),
        ..LifecycleMetadata::default()
    };
    for (role, diff_id) in layers {
        let sha = LayerSha::new(*diff_id);
        match role {
            Role::Buildpack { index, layer } => {
                let described = collected.buildpacks.get(*index).and_then(|buildpack| {
                    let mut layers = buildpack.layers.iter();
                    layers.find(|(candidate, _)| candidate.name.as_str() == layer)
                });
                let entry = metadata.buildpacks.get_mut(*index);
                if let (Some((described, _)), Some(entry)) = (described, entry) {
                    entry
                        .layers
                        .insert(layer.clone(), layer_metadata(described, *diff_id));
                }
            }
            Role::Sbom => metadata.sbom = Some(sha),
            Role::App => metadata.app.push(sha),
            Role::Launcher => metadata.launcher = sha,
            Role::Config => metadata.config = sha,
            Role::ProcessTypes => metadata.process_types = sha,
        }
    }
    record_run_image(&mut metadata, inputs, handoff, base);
    metadata
}

fn empty_entry(buildpack: &CollectedBuildpack) -> BuildpackLayers {
    BuildpackLayers {
        key: buildpack.id.to_string(),
        version: buildpack.version.clone(),
        layers: BTreeMap::new(),
        store: buildpack.store.as_ref().map(|store| StoreMetadata {
            metadata: store.metadata.clone(),
        }),
    }
}

/// A layer as label and cache metadata describe it.
pub(crate) fn layer_metadata(layer: &BuildpackLayer, diff_id: Digest) -> LayerMetadata {
    let types = layer.metadata.layer_types();
    LayerMetadata {
        sha: diff_id.to_string(),
        data: layer.metadata.metadata.clone(),
        build: types.build,
        launch: types.launch,
        cache: types.cache,
    }
}

fn record_run_image(
    metadata: &mut LifecycleMetadata,
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    base: &Located,
) {
    let none = RunImage::default();
    let run_image = handoff.analyzed.run_image.as_ref().unwrap_or(&none);
    let top_layer = base.image.top_layer().map(|layer| layer.to_string());
    let entry = run_image_entry(inputs, handoff, run_image);
    let mut info = RunImageInfo {
        top_layer: top_layer.unwrap_or_default(),
        reference: run_image.reference.clone(),
        ..RunImageInfo::default()
    };
    if inputs.platform_api.features().base_contract == BaseContract::Target {
        info.image.clone_from(&entry.image);
        info.mirrors.clone_from(&entry.mirrors);
    }
    metadata.run_image = info;
    metadata.stack = (!entry.image.is_empty()).then_some(StackInfo { run_image: entry });
}

/// The entry of `run.toml` that names the run image; else, when extensions chose it or nothing is listed, the bare
/// name; else the first entry.
fn run_image_entry(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    run_image: &RunImage,
) -> RunImageMetadata {
    let wanted = run_image.image.parse::<Reference>().ok();
    let names_it = |entry: &&RunImageMetadata| {
        std::iter::once(&entry.image)
            .chain(&entry.mirrors)
            .any(|name| wanted.is_some() && name.parse::<Reference>().ok() == wanted)
    };
    let listed = inputs.run_images.images.iter().find(names_it);
    let first = inputs
        .run_images
        .images
        .first()
        .filter(|_| handoff.group.group_extensions.is_empty());
    listed
        .or(first)
        .cloned()
        .unwrap_or_else(|| RunImageMetadata {
            image: run_image.image.clone(),
            mirrors: Vec::new(),
        })
}
