//! The layers of the image in order, and which of them may be reused (platform spec, "exporter > Outputs").
use crate::{ExportError, collect::Collected};
use wharf_layer::LayerContent;
use wharf_spec::{
    digest::Digest,
    id::full_name,
    labels::lifecycle::{LayerMetadata, LifecycleMetadata},
};

/// What a layer is in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A launch layer.
    Buildpack {
        /// Index of the buildpack in the group.
        index: usize,
        /// Name of the layer.
        layer: String,
    },
    /// Launch SBOM.
    Sbom,
    /// An app slice.
    App,
    /// The launcher.
    Launcher,
    /// Launcher configuration.
    Config,
    /// Process links.
    ProcessTypes,
}

/// How the layer is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerPlan {
    /// There is no content: the previous image's layer is taken.
    Reuse(Digest),
    /// The content is hashed; when its diff ID is one of these the previous image's layer is taken, else the
    /// content is encoded.
    HashFirst(LayerContent, Vec<Digest>),
    /// The content is encoded: there is nothing it could equal.
    Encode(LayerContent),
}

/// One layer of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// `<buildpack>:<layer>`, `buildpacksio/lifecycle:launcher`, `slice-1` …
    pub name: String,
    /// `created_by` of the history entry.
    pub created_by: String,
    /// What it is.
    pub role: Role,
    /// How it is made.
    pub plan: LayerPlan,
}

/// Decides for every layer above the run image, in order: launch layers by group and name, launch SBOM, app slices,
/// launcher, configuration, process links. `previous` is what the previous image's label records.
pub fn decide(
    collected: &Collected,
    previous: &LifecycleMetadata,
) -> Result<Vec<Decision>, ExportError> {
    let mut decisions = Vec::new();
    for (index, buildpack) in collected.buildpacks.iter().enumerate() {
        for (layer, content) in &buildpack.layers {
            let name = format!("{}:{}", buildpack.id, layer.name);
            let recorded = recorded(previous, buildpack.id.as_str(), layer.name.as_str());
            let is_cached = layer.metadata.layer_types().cache;
            decisions.push(Decision {
                plan: launch_layer(&name, content.as_ref(), is_cached, recorded)?,
                created_by: format!(
                    "Layer: '{}', Created by buildpack: {}",
                    layer.name,
                    full_name(&buildpack.id, &buildpack.version)
                ),
                role: Role::Buildpack {
                    index,
                    layer: layer.name.to_string(),
                },
                name,
            });
        }
    }
    let mut push =
        |name: &str, created_by: &str, role, content: &LayerContent, known: Vec<Digest>| {
            decisions.push(Decision {
                name: name.to_owned(),
                created_by: created_by.to_owned(),
                role,
                plan: plan(content, known),
            });
        };
    let known =
        |layer: &wharf_spec::labels::lifecycle::LayerSha| layer.diff_id().into_iter().collect();
    if let Some(content) = &collected.sbom {
        let sbom = previous.sbom.clone().unwrap_or_default();
        push(
            "buildpacksio/lifecycle:launch.sbom",
            "Software Bill-of-Materials",
            Role::Sbom,
            content,
            known(&sbom),
        );
    }
    let slices: Vec<_> = previous
        .app
        .iter()
        .filter_map(|app| app.diff_id())
        .collect();
    for (index, content) in collected.app.iter().enumerate() {
        let created_by = if collected.app.len() == 1 {
            "Application Layer".to_owned()
        } else {
            format!("Application Slice: {}", index + 1)
        };
        let name = format!("slice-{}", index + 1);
        push(&name, &created_by, Role::App, content, slices.clone());
    }
    let rest = [
        (
            "buildpacksio/lifecycle:launcher",
            "Buildpacks Application Launcher",
            Role::Launcher,
            &collected.launcher,
            &previous.launcher,
        ),
        (
            "buildpacksio/lifecycle:config",
            "Buildpacks Launcher Config",
            Role::Config,
            &collected.config,
            &previous.config,
        ),
        (
            "buildpacksio/lifecycle:process-types",
            "Buildpacks Process Types",
            Role::ProcessTypes,
            &collected.process_types,
            &previous.process_types,
        ),
    ];
    for (name, created_by, role, content, recorded) in rest {
        if let Some(content) = content {
            push(name, created_by, role, content, known(recorded));
        }
    }
    Ok(decisions)
}

fn plan(content: &LayerContent, known: Vec<Digest>) -> LayerPlan {
    if known.is_empty() {
        LayerPlan::Encode(content.clone())
    } else {
        LayerPlan::HashFirst(content.clone(), known)
    }
}

fn recorded<'a>(
    previous: &'a LifecycleMetadata,
    buildpack: &str,
    layer: &str,
) -> Option<&'a LayerMetadata> {
    previous
        .buildpacks
        .iter()
        .find(|entry| entry.key == buildpack)?
        .layers
        .get(layer)
}

fn launch_layer(
    name: &str,
    content: Option<&LayerContent>,
    is_cached: bool,
    recorded: Option<&LayerMetadata>,
) -> Result<LayerPlan, ExportError> {
    let recorded = recorded.and_then(|layer| layer.sha.parse::<Digest>().ok());
    match (content, recorded) {
        (Some(content), recorded) => Ok(plan(content, recorded.into_iter().collect())),
        (None, _) if is_cached => Err(ExportError::CachedWithoutContents {
            layer: name.to_owned(),
        }),
        (None, Some(diff_id)) => Ok(LayerPlan::Reuse(diff_id)),
        (None, None) => Err(ExportError::NothingToReuse {
            layer: name.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
