//! Environment, entrypoint and labels of the app image (platform spec, "exporter > Outputs", "Labels").
use crate::{ExportError, ExportInputs};
use serde::Serialize;
use std::path::{Path, PathBuf};
use wharf_image::ImageDraft;
use wharf_spec::{
    api::{BaseContract, LegacyBom},
    encode::json_text,
    env_var,
    files::{group::GroupElement, metadata::BuildMetadata},
    labels::{
        BUILD_METADATA, EXEC_ENV, LIFECYCLE_METADATA, PROJECT_METADATA, REBASABLE,
        build::{BuildLabel, BuildpackEntry, ProcessEntry, bom_json},
        lifecycle::LifecycleMetadata,
    },
    log::Log,
    paths::{LAUNCHER, LIFECYCLE_DIR, PROCESS_DIR},
};

/// The process the image starts; `None` is the launcher itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrypoint {
    /// Process type.
    pub process_type: Option<String>,
}

/// The entrypoint that inputs and buildpacks ask for. A type that was asked for must exist.
pub fn entrypoint(
    inputs: &ExportInputs,
    build_metadata: &BuildMetadata,
) -> Result<Entrypoint, ExportError> {
    let asked_for = inputs.process_type.as_ref().filter(|name| !name.is_empty());
    let mut known: Vec<String> = build_metadata
        .processes
        .iter()
        .map(|process| process.r#type.clone())
        .collect();
    match asked_for {
        Some(wanted) if !known.contains(wanted) => {
            known.sort();
            known.dedup();
            Err(ExportError::UnknownProcessType {
                wanted: wanted.clone(),
                known,
            })
        }
        Some(wanted) => Ok(Entrypoint {
            process_type: Some(wanted.clone()),
        }),
        None => Ok(Entrypoint {
            process_type: build_metadata
                .buildpack_default_process_type
                .clone()
                .filter(|name| !name.is_empty()),
        }),
    }
}

/// Sets labels, environment, working directory and entrypoint.
pub(crate) fn apply(
    draft: &mut ImageDraft,
    inputs: &ExportInputs,
    (build_metadata, metadata): (&BuildMetadata, &LifecycleMetadata),
    entrypoint: &Entrypoint,
    log: &dyn Log,
) -> Result<(), ExportError> {
    for (name, value) in labels(inputs, build_metadata, metadata, draft)? {
        log.info(&format!("Adding label '{name}'"));
        draft.set_label(&name, &value);
    }
    let app_dir = text(&inputs.app_root())?;
    draft.set_env(env_var::LAYERS_DIR, &text(&inputs.layers_root())?);
    draft.set_env(env_var::APP_DIR, &app_dir);
    draft.set_env(env_var::PLATFORM_API, inputs.platform_api.as_str());
    draft.set_env(env_var::DEPRECATION_MODE, "quiet");
    log.debug(&format!(
        "Prepending {PROCESS_DIR} and {LIFECYCLE_DIR} to PATH"
    ));
    let path = match draft.env("PATH") {
        Some(old) if !old.is_empty() => format!("{PROCESS_DIR}:{LIFECYCLE_DIR}:{old}"),
        _ => format!("{PROCESS_DIR}:{LIFECYCLE_DIR}"),
    };
    draft.set_env("PATH", &path);
    draft.set_working_dir(&app_dir);
    let command = if let Some(name) = &entrypoint.process_type {
        log.info(&format!("Setting default process type '{name}'"));
        format!("{PROCESS_DIR}/{name}")
    } else {
        log.info("no default process type");
        LAUNCHER.to_owned()
    };
    log.debug(&format!("Setting ENTRYPOINT: '{command}'"));
    draft.set_entrypoint(&[command]);
    Ok(())
}

/// Labels in the order they are set; those of buildpacks come last and may replace others.
fn labels(
    inputs: &ExportInputs,
    build_metadata: &BuildMetadata,
    metadata: &LifecycleMetadata,
    draft: &ImageDraft,
) -> Result<Vec<(String, String)>, ExportError> {
    let features = inputs.platform_api.features();
    let mut labels = vec![
        json_label(LIFECYCLE_METADATA, metadata)?,
        json_label(BUILD_METADATA, &build_label(inputs, build_metadata))?,
        json_label(PROJECT_METADATA, &inputs.project_metadata)?,
    ];
    if features.exec_env {
        labels.push((EXEC_ENV.to_owned(), inputs.exec_env.to_string()));
    }
    // A base that says nothing is no reason against a rebase: the contract holds because both images are ours.
    let is_silent = draft.label(REBASABLE).is_none();
    if features.base_contract == BaseContract::Target && is_silent {
        labels.push((REBASABLE.to_owned(), "true".to_owned()));
    }
    for label in &build_metadata.labels {
        labels.push((label.key.clone(), label.value.clone()));
    }
    Ok(labels)
}

fn json_label<T: Serialize>(
    name: &'static str,
    value: &T,
) -> Result<(String, String), ExportError> {
    let text = json_text(value).map_err(|source| ExportError::Label {
        label: name,
        source,
    })?;
    Ok((name.to_owned(), text))
}

fn build_label(inputs: &ExportInputs, build_metadata: &BuildMetadata) -> BuildLabel {
    let features = inputs.platform_api.features();
    let entries = |elements: &[GroupElement]| {
        let entries = elements.iter();
        entries
            .map(|element| BuildpackEntry::new(element, &features))
            .collect()
    };
    BuildLabel {
        bom: (features.legacy_bom == LegacyBom::Label).then(|| bom_json(&build_metadata.bom)),
        buildpacks: entries(&build_metadata.buildpacks),
        extensions: entries(&build_metadata.extensions),
        launcher: inputs.launcher_info.clone(),
        processes: build_metadata
            .processes
            .iter()
            .map(|process| ProcessEntry::new(process, features.command_form))
            .collect(),
        buildpack_default_process_type: build_metadata
            .buildpack_default_process_type
            .clone()
            .unwrap_or_default(),
    }
}

fn text(path: &Path) -> Result<String, ExportError> {
    PathBuf::from(path)
        .into_os_string()
        .into_string()
        .map_err(|path| ExportError::NonUtf8Path { path: path.into() })
}
