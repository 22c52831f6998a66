//! Writes image and tags.
use crate::{ExportError, ExportInputs, Exported, ExportedLayer, Handoff, files};
use wharf_image::{ImageDraft, ImageStore, MovedTag, SealedImage};
use wharf_spec::{
    api::LegacyBom,
    files::{
        build::Build,
        launch::BomBuildpack,
        report::{BuildReport, ImageReport, Report},
    },
    labels::lifecycle::LifecycleMetadata,
    log::Log,
    reference::Reference,
};

/// The first output; there must be one, and all must be on its registry.
pub(crate) fn first_output(inputs: &ExportInputs) -> Result<&Reference, ExportError> {
    let first = inputs.outputs.first().ok_or(ExportError::NoOutput)?;
    let other = inputs
        .outputs
        .iter()
        .find(|output| output.registry() != first.registry());
    match other {
        Some(other) => Err(ExportError::MultipleRegistries {
            first: first.to_string(),
            other: other.to_string(),
        }),
        None => Ok(first),
    }
}

/// The image of a draft, judged.
pub(crate) fn seal(draft: ImageDraft) -> Result<SealedImage, ExportError> {
    let sealed = draft.seal().map_err(ExportError::Seal)?;
    let faults = wharf_image::validate::validate(&sealed.image);
    if !faults.is_empty() {
        return Err(ExportError::Invalid { faults });
    }
    Ok(sealed)
}

pub(crate) fn save(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    (sealed, metadata, layers): (SealedImage, LifecycleMetadata, Vec<ExportedLayer>),
    moved: &[MovedTag],
    (store, log): (&dyn ImageStore, &dyn Log),
) -> Result<Exported, ExportError> {
    let reference = first_output(inputs)?.clone();
    let build = build_report(inputs, handoff)?;
    log.info(&format!("Saving {reference}..."));
    let written = store
        .put_image(&sealed, &inputs.outputs)
        .map_err(ExportError::Save)?;
    log.info(&format!("*** Images ({}):", written.digest));
    for tag in &written.tags {
        log.info(&format!("      {tag}"));
    }
    log.debug(&format!("*** Digest: {}", written.digest));
    log.debug(&format!("*** Manifest Size: {}", written.manifest_size));
    Ok(Exported {
        report: Report {
            build,
            image: ImageReport {
                tags: written.tags.iter().map(ToString::to_string).collect(),
                image_id: String::new(),
                digest: written.digest.to_string(),
                manifest_size: written.manifest_size,
                unchanged: Vec::new(),
                moved: moved.iter().map(MovedTag::reported).collect(),
            },
        },
        reference,
        digest: written.digest,
        metadata,
        layers,
    })
}

/// Deprecated bills of materials, where the Platform API still puts them into the report.
fn build_report(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
) -> Result<Option<BuildReport>, ExportError> {
    if inputs.platform_api.features().legacy_bom != LegacyBom::Label {
        return Ok(None);
    }
    let mut report = BuildReport::default();
    for element in &handoff.group.group {
        let path = inputs
            .layers_root()
            .join(element.id.dir_name())
            .join("build.toml");
        let build: Build = files::read_toml(&path)?.unwrap_or_default();
        for mut entry in build.bom {
            entry.buildpack = Some(BomBuildpack {
                id: element.id.to_string(),
                version: element.version.clone(),
            });
            report.bom.push(entry);
        }
    }
    Ok((!report.bom.is_empty()).then_some(report))
}
