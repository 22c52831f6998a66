//! The layers of the image in order, and which of them may be reused (platform spec, "exporter > Outputs").
use crate::{ExportError, collect::Collected};
use wharf_layer::LayerContent;
use wharf_spec::{
    digest::Digest,
    id::full_name,
    labels::lifecycle::{LayerMetadata, LayerSha, LifecycleMetadata},
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
    /// Whether the next cache is to hold it, too.
    pub is_cached: bool,
    /// How it is made.
    pub plan: LayerPlan,
}

/// Decides for every layer above the run image, in order: launch layers by group and name, launch SBOM, app slices,
/// launcher, configuration, process links. `previous` is what the previous image's label records.
pub fn decide(
    collected: &Collected,
    previous: &LifecycleMetadata,
) -> Result<Vec<Decision>, ExportError> {
    let mut decisions = launch_layers(collected, previous)?;
    let none = LayerSha::default();
    let sbom = Fixed {
        name: "buildpacksio/lifecycle:launch.sbom",
        created_by: "Software Bill-of-Materials",
        role: Role::Sbom,
    };
    decisions.extend(sbom.decide(
        collected.sbom.as_ref(),
        previous.sbom.as_ref().unwrap_or(&none),
    ));
    decisions.extend(app_layers(collected, previous));
    let launcher = Fixed {
        name: "buildpacksio/lifecycle:launcher",
        created_by: "Buildpacks Application Launcher",
        role: Role::Launcher,
    };
    decisions.extend(launcher.decide(collected.launcher.as_ref(), &previous.launcher));
    let config = Fixed {
        name: "buildpacksio/lifecycle:config",
        created_by: "Buildpacks Launcher Config",
        role: Role::Config,
    };
    decisions.extend(config.decide(collected.config.as_ref(), &previous.config));
    let process_types = Fixed {
        name: "buildpacksio/lifecycle:process-types",
        created_by: "Buildpacks Process Types",
        role: Role::ProcessTypes,
    };
    decisions
        .extend(process_types.decide(collected.process_types.as_ref(), &previous.process_types));
    Ok(decisions)
}

/// A layer the lifecycle adds of its own.
struct Fixed {
    name: &'static str,
    created_by: &'static str,
    role: Role,
}

impl Fixed {
    fn decide(self, content: Option<&LayerContent>, recorded: &LayerSha) -> Option<Decision> {
        Some(Decision {
            name: self.name.to_owned(),
            created_by: self.created_by.to_owned(),
            role: self.role,
            is_cached: false,
            plan: plan(content?, recorded.diff_id().into_iter().collect()),
        })
    }
}

fn launch_layers(
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
                is_cached,
                name,
            });
        }
    }
    Ok(decisions)
}

/// A slice may equal any slice of the previous image.
fn app_layers(collected: &Collected, previous: &LifecycleMetadata) -> Vec<Decision> {
    let known: Vec<_> = previous.app.iter().filter_map(LayerSha::diff_id).collect();
    let is_whole = collected.app.len() == 1;
    let slices = collected.app.iter().zip(1..);
    slices
        .map(|(content, number)| Decision {
            name: format!("slice-{number}"),
            created_by: if is_whole {
                "Application Layer".to_owned()
            } else {
                format!("Application Slice: {number}")
            },
            role: Role::App,
            is_cached: false,
            plan: plan(content, known.clone()),
        })
        .collect()
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
