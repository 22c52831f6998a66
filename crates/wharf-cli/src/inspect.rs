//! `wharf inspect`: what is in an image.
use crate::{
    arguments::{CommonArguments, InspectArguments},
    build::base_layers,
    console,
    stores::Stores,
};
use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use wharf_image::Image;
use wharf_spec::{
    digest::Digest,
    labels::{
        self,
        build::{BuildLabel, BuildpackEntry, ProcessEntry},
        lifecycle::LifecycleMetadata,
    },
};

/// What is shown; the JSON form is this value.
#[derive(Debug, Serialize)]
struct Report {
    image: String,
    digest: Digest,
    platform: String,
    run_image: Option<RunImage>,
    rebasable: Option<bool>,
    buildpacks: Vec<BuildpackEntry>,
    default_process: String,
    processes: Vec<ProcessEntry>,
    layers: Vec<LayerReport>,
    labels: BTreeMap<String, String>,
}

/// The run image the app stands on.
#[derive(Debug, Serialize)]
struct RunImage {
    image: String,
    reference: String,
    top_layer: String,
    mirrors: Vec<String>,
}

/// A layer and what it is.
#[derive(Debug, Serialize)]
struct LayerReport {
    what: String,
    digest: Digest,
    diff_id: Digest,
    bytes: u64,
}

/// Runs the command.
pub(crate) fn inspect(common: &CommonArguments, arguments: &InspectArguments) -> Result<()> {
    let stores = Stores::new(common)?;
    let found = stores.require(&arguments.image, "image")?;
    let report = report(&arguments.image.to_string(), &found.image)
        .with_context(|| format!("inspect '{}'", arguments.image))?;
    if arguments.json {
        console::line(serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn report(name: &str, image: &Image) -> Result<Report> {
    let metadata: Option<LifecycleMetadata> = label(image, labels::LIFECYCLE_METADATA)?;
    let build: BuildLabel = label(image, labels::BUILD_METADATA)?.unwrap_or_default();
    let run_image = metadata.as_ref().map(|metadata| {
        let info = &metadata.run_image;
        let stack = metadata.stack.as_ref().map(|stack| &stack.run_image);
        let or_stack = |own: &String| match (own.as_str(), stack) {
            ("", Some(stack)) => stack.image.clone(),
            _ => own.clone(),
        };
        RunImage {
            image: or_stack(&info.image),
            reference: info.reference.clone(),
            top_layer: info.top_layer.clone(),
            mirrors: info.mirrors.clone(),
        }
    });
    let platform = image.platform();
    Ok(Report {
        image: name.to_owned(),
        digest: image.digest(),
        platform: format!("{}/{}", platform.os, platform.architecture),
        run_image,
        rebasable: image.label(labels::REBASABLE).map(|value| value == "true"),
        default_process: default_process(image),
        buildpacks: build.buildpacks,
        processes: build.processes,
        layers: layers(image, metadata.as_ref()),
        labels: all_labels(image),
    })
}

fn label<T: serde::de::DeserializeOwned>(image: &Image, name: &str) -> Result<Option<T>> {
    let parse =
        |text: &str| serde_json::from_str(text).with_context(|| format!("parse label {name}"));
    image.label(name).map(parse).transpose()
}

fn layers(image: &Image, metadata: Option<&LifecycleMetadata>) -> Vec<LayerReport> {
    let names = metadata.map(layer_names).unwrap_or_default();
    let base = base_layers(image);
    let layer = |(index, layer): (usize, &wharf_image::Layer)| {
        let what = match names.get(&layer.diff_id) {
            _ if index < base => "run image".to_owned(),
            Some(name) => name.clone(),
            None => String::new(),
        };
        LayerReport {
            what,
            digest: layer.descriptor.digest,
            diff_id: layer.diff_id,
            bytes: layer.descriptor.size,
        }
    };
    image.layers().iter().enumerate().map(layer).collect()
}

/// What the lifecycle recorded about its layers.
fn layer_names(metadata: &LifecycleMetadata) -> BTreeMap<Digest, String> {
    let mut names = BTreeMap::new();
    let mut name = |sha: &str, text: String| {
        if let Ok(diff_id) = sha.parse() {
            names.entry(diff_id).or_insert(text);
        }
    };
    for buildpack in &metadata.buildpacks {
        for (layer, data) in &buildpack.layers {
            name(&data.sha, format!("{}:{layer}", buildpack.key));
        }
    }
    for (index, slice) in metadata.app.iter().enumerate() {
        name(&slice.sha, format!("app slice {}", index + 1));
    }
    name(&metadata.launcher.sha, "launcher".into());
    name(&metadata.config.sha, "launch configuration".into());
    name(&metadata.process_types.sha, "process types".into());
    if let Some(sbom) = &metadata.sbom {
        name(&sbom.sha, "SBOM".into());
    }
    names
}

/// The process that the entrypoint links to.
fn default_process(image: &Image) -> String {
    let entrypoint = image
        .config()
        .get("config")
        .and_then(|config| config.get("Entrypoint"));
    let first = entrypoint
        .and_then(|words| words.get(0))
        .and_then(Value::as_str);
    first
        .and_then(|path| path.strip_prefix("/cnb/process/"))
        .unwrap_or_default()
        .to_owned()
}

fn all_labels(image: &Image) -> BTreeMap<String, String> {
    let labels = image
        .config()
        .get("config")
        .and_then(|config| config.get("Labels"));
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    labels
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn print(report: &Report) {
    let row = |name: &str, value: &str| console::line(format_args!("{name:<11} {value}"));
    row("Image", &report.image);
    row("Digest", &report.digest.to_string());
    row("Platform", &report.platform);
    if let Some(run_image) = &report.run_image {
        row("Run image", &run_image.image);
        row("", &run_image.reference);
        for mirror in &run_image.mirrors {
            row("  mirror", mirror);
        }
    }
    match report.rebasable {
        Some(true) => row("Rebasable", "yes"),
        Some(false) => row("Rebasable", "no"),
        None => row("Rebasable", "unknown"),
    }
    for buildpack in &report.buildpacks {
        row(
            "Buildpack",
            &format!("{} {}", buildpack.id, buildpack.version),
        );
    }
    for process in &report.processes {
        let default = if process.r#type == report.default_process {
            " (default)"
        } else {
            ""
        };
        row(
            "Process",
            &format!("{}{default}: {}", process.r#type, command(process)),
        );
    }
    let total = report.layers.iter().map(|layer| layer.bytes).sum();
    row(
        "Layers",
        &format!("{}, {}", report.layers.len(), console::size(total)),
    );
    for layer in &report.layers {
        let size = console::size(layer.bytes);
        console::line(format_args!(
            "  {size:>9}  {}  {}",
            &layer.digest.to_string()[..19],
            layer.what
        ));
    }
    for (name, value) in report
        .labels
        .iter()
        .filter(|(name, _)| !name.starts_with("io.buildpacks."))
    {
        row("Label", &format!("{name}={value}"));
    }
}

fn command(process: &ProcessEntry) -> String {
    let words = match &process.command {
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    };
    let arguments = process.args.iter().map(String::as_str);
    words
        .into_iter()
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}
