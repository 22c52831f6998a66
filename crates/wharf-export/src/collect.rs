//! What lies in the layers directory: the material of [`decide`](crate::decide()).
use crate::{ExportError, ExportInputs, Handoff, files};
use wharf_layer::{
    LayerContent,
    layers_dir::{self, BuildpackLayer},
    slices,
};
use wharf_spec::{
    api::SbomPaths,
    files::store::Store,
    id::{BuildpackId, ProcessType},
};

/// Everything that becomes a layer, read but not judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Collected {
    /// Buildpacks in group order.
    pub buildpacks: Vec<CollectedBuildpack>,
    /// Launch SBOM, when there is one.
    pub sbom: Option<LayerContent>,
    /// App slices; the last one is the rest.
    pub app: Vec<LayerContent>,
    /// The launcher.
    pub launcher: Option<LayerContent>,
    /// Launcher configuration.
    pub config: Option<LayerContent>,
    /// Process links, when there are processes.
    pub process_types: Option<LayerContent>,
}

/// What one buildpack left.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectedBuildpack {
    /// Id.
    pub id: BuildpackId,
    /// Version.
    pub version: String,
    /// Launch layers in order, with their content where there is a directory.
    pub layers: Vec<(BuildpackLayer, Option<LayerContent>)>,
    /// `store.toml`.
    pub store: Option<Store>,
}

/// Reads the layers directory.
pub fn collect(inputs: &ExportInputs, handoff: &Handoff<'_>) -> Result<Collected, ExportError> {
    let root = inputs.layers_root();
    let tree = |directory| LayerContent::Tree {
        root: directory,
        owner: inputs.owner,
    };
    let mut buildpacks = Vec::new();
    for element in &handoff.group.group {
        buildpacks.push(collect_buildpack(inputs, &element.id, &element.version)?);
    }
    let sbom = root.join("sbom").join("launch");
    let has_sbom = inputs.platform_api.features().sbom_paths == SbomPaths::ByKind && sbom.is_dir();
    let app = slices::split(
        &inputs.app_root(),
        &handoff.build_metadata.slices,
        inputs.owner,
    )
    .map_err(ExportError::Slices)?;
    let types = process_types(handoff)?;
    Ok(Collected {
        buildpacks,
        sbom: has_sbom.then(|| tree(sbom)),
        app,
        launcher: Some(LayerContent::Launcher {
            launcher: inputs.launcher.clone(),
        }),
        config: Some(tree(root.join("config"))),
        process_types: (!types.is_empty()).then_some(LayerContent::ProcessTypes { types }),
    })
}

fn collect_buildpack(
    inputs: &ExportInputs,
    id: &BuildpackId,
    version: &str,
) -> Result<CollectedBuildpack, ExportError> {
    let directory = inputs.layers_root().join(id.dir_name());
    let all = layers_dir::read(&directory).map_err(|source| ExportError::ReadLayers {
        buildpack: id.to_string(),
        source,
    })?;
    let layers = all
        .into_iter()
        .filter(|layer| layer.metadata.layer_types().launch)
        .map(|layer| {
            let content = layer.has_directory.then(|| LayerContent::Tree {
                root: layer.path.clone(),
                owner: inputs.owner,
            });
            (layer, content)
        });
    Ok(CollectedBuildpack {
        id: id.clone(),
        version: version.to_owned(),
        layers: layers.collect(),
        store: files::read_toml(&directory.join("store.toml"))?,
    })
}

/// Each type once, in the order of `metadata.toml`.
fn process_types(handoff: &Handoff<'_>) -> Result<Vec<ProcessType>, ExportError> {
    let mut types: Vec<ProcessType> = Vec::new();
    for process in &handoff.build_metadata.processes {
        let name = process.r#type.parse().map_err(ExportError::ProcessType)?;
        if !types.contains(&name) {
            types.push(name);
        }
    }
    Ok(types)
}
