//! Labels of a builder, as pack and kpack read them.
use super::{buildpack::Buildpack, contents::Contents};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use wharf_spec::{
    digest::Digest,
    encode::json_text,
    files::{
        descriptor::SupportedStack, group::GroupElement, order::OrderGroup, run::RunImageMetadata,
    },
    id::BuildpackId,
    labels::{
        self,
        builder::{LifecycleEntry, lifecycle_labels},
    },
    target::SupportedTarget,
};

/// `io.buildpacks.builder.metadata`.
#[derive(Debug, Serialize)]
struct BuilderMetadata<'a> {
    description: &'a str,
    buildpacks: Vec<ModuleInfo<'a>>,
    extensions: Option<()>,
    stack: StackMetadata<'a>,
    lifecycle: LifecycleEntry<'a>,
    #[serde(rename = "createdBy")]
    created_by: CreatedBy,
    images: &'a [RunImageMetadata],
}

#[derive(Debug, Serialize)]
struct ModuleInfo<'a> {
    id: &'a BuildpackId,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    homepage: &'a str,
}

#[derive(Debug, Serialize)]
struct StackMetadata<'a> {
    #[serde(rename = "runImage")]
    run_image: Option<&'a RunImageMetadata>,
}

#[derive(Debug, Serialize)]
struct CreatedBy {
    name: &'static str,
    version: &'static str,
}

/// An entry of `io.buildpacks.buildpack.order`.
#[derive(Debug, Serialize)]
struct OrderEntry<'a> {
    group: Vec<Member<'a>>,
}

#[derive(Debug, Serialize)]
struct Member<'a> {
    id: &'a BuildpackId,
    version: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
}

/// A version in `io.buildpacks.buildpack.layers`.
#[derive(Debug, Serialize)]
struct LayerInfo<'a> {
    api: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stacks: &'a [SupportedStack],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    targets: &'a [SupportedTarget],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    order: Vec<OrderEntry<'a>>,
    #[serde(rename = "layerDiffID")]
    layer_diff_id: Digest,
    #[serde(skip_serializing_if = "str::is_empty")]
    homepage: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
}

/// Names and values; `diff_ids` are those of the buildpacks, in their order.
pub(crate) fn labels(
    contents: &Contents,
    diff_ids: &[Digest],
) -> Result<Vec<(&'static str, String)>> {
    let mut labels = vec![
        (labels::BUILDER_METADATA, json_text(&metadata(contents))?),
        (labels::BUILDPACK_ORDER, json_text(&order(&contents.order))?),
        (
            labels::BUILDPACK_LAYERS,
            json_text(&layers(&contents.buildpacks, diff_ids))?,
        ),
    ];
    labels.extend(lifecycle_labels(&contents.lifecycle_descriptor)?);
    if let Some(id) = contents.stack_id.as_ref().filter(|id| !id.is_empty()) {
        labels.push((labels::STACK_ID, id.clone()));
    }
    Ok(labels)
}

fn metadata(contents: &Contents) -> BuilderMetadata<'_> {
    fn module(buildpack: &Buildpack) -> ModuleInfo<'_> {
        let info = &buildpack.descriptor.buildpack;
        ModuleInfo {
            id: &info.id,
            name: &info.name,
            version: &info.version,
            homepage: &info.homepage,
        }
    }
    BuilderMetadata {
        description: &contents.description,
        buildpacks: contents.buildpacks.iter().map(module).collect(),
        extensions: None,
        stack: StackMetadata {
            run_image: contents.run_images.first(),
        },
        lifecycle: LifecycleEntry::from(&contents.lifecycle_descriptor),
        created_by: CreatedBy {
            name: "wharf",
            version: env!("CARGO_PKG_VERSION"),
        },
        images: &contents.run_images,
    }
}

fn order(order: &[OrderGroup]) -> Vec<OrderEntry<'_>> {
    fn member(element: &GroupElement) -> Member<'_> {
        Member {
            id: &element.id,
            version: &element.version,
            optional: element.optional,
        }
    }
    order
        .iter()
        .map(|entry| OrderEntry {
            group: entry.group.iter().map(member).collect(),
        })
        .collect()
}

fn layers<'a>(
    buildpacks: &'a [Buildpack],
    diff_ids: &[Digest],
) -> BTreeMap<&'a str, BTreeMap<&'a str, LayerInfo<'a>>> {
    let mut layers: BTreeMap<&str, BTreeMap<&str, LayerInfo<'_>>> = BTreeMap::new();
    for (buildpack, diff_id) in buildpacks.iter().zip(diff_ids) {
        let descriptor = &buildpack.descriptor;
        let info = LayerInfo {
            api: &descriptor.api,
            stacks: &descriptor.stacks,
            targets: &descriptor.targets,
            order: order(&descriptor.order),
            layer_diff_id: *diff_id,
            homepage: &descriptor.buildpack.homepage,
            name: &descriptor.buildpack.name,
        };
        layers
            .entry(descriptor.buildpack.id.as_str())
            .or_default()
            .insert(&descriptor.buildpack.version, info);
    }
    layers
}
