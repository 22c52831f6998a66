//! `analyzer`.
use super::load;
use crate::{
    exit::Failure,
    handoff,
    inputs::Analyze,
    phase::Phase,
    session::{self, Session, Stores},
};
use std::path::PathBuf;
use wharf_analyze::{AnalyzeInputs, RunImageInput};
use wharf_image::{Room, Rooms, room::size};
use wharf_spec::{
    encode::toml_text,
    files::{analyzed::Analyzed, run::RunImages},
    log::Log,
    reference::Reference,
};

/// What is read before the phase starts.
pub(crate) fn load(inputs: &Analyze) -> Result<RunImages, Failure> {
    load::run_images(Phase::Analyze, &inputs.run_file)
}

pub(crate) fn references(inputs: &Analyze, run_images: &RunImages) -> Vec<Reference> {
    let mut references = inputs.references();
    if inputs.run_image.is_none() {
        references.extend(load::references(load::names(run_images)));
    }
    references
}

pub(crate) fn directories(inputs: &Analyze) -> Vec<PathBuf> {
    vec![inputs.layers.clone()]
}

/// Describes previous image and run image; saves `analyzed.toml`.
pub(crate) fn run(
    inputs: &Analyze,
    run_images: &RunImages,
    session: &Session<'_>,
    stores: &Stores,
) -> Result<Analyzed, Failure> {
    let features = session.api.features();
    let (output, tags) = inputs
        .outputs
        .split_first()
        .ok_or(Failure::Inputs(crate::inputs::InputError::NoImage))?;
    let told = AnalyzeInputs {
        output: output.clone(),
        additional_tags: tags.to_vec(),
        previous_image: inputs.previous_image.clone(),
        cache_image: inputs.cache_image.clone(),
        run_image: match &inputs.run_image {
            Some(reference) => RunImageInput::Named(reference.clone()),
            None => {
                RunImageInput::Candidates(run_images.images.first().cloned().unwrap_or_default())
            }
        },
        platform: session::platform(),
        layers_dir: inputs.layers.clone(),
        restore_sbom: features.analyzer_restores_sbom && !inputs.skip_layers,
        base_contract: features.base_contract,
    };
    let analyzed = session
        .console
        .timed("Analyzer", || {
            let stores = wharf_analyze::Stores {
                images: stores.images.as_ref(),
                caches: stores.caches.as_ref(),
            };
            wharf_analyze::analyze(&told, stores, session.console)
        })
        .map_err(Failure::Analyze)?;
    if let Some(rooms) = stores.rooms() {
        warn_when_full(rooms.as_ref(), output, session);
    }
    handoff::save(handoff::ANALYZED, &inputs.analyzed, toml_text(&analyzed))
        .map_err(load::saving(Phase::Analyze))?;
    Ok(analyzed)
}

/// Says early what the exporter would fail for.
fn warn_when_full(rooms: &dyn Rooms, output: &Reference, session: &Session<'_>) {
    match rooms.room(output) {
        Room::Limited(room) if room.used >= room.limit => session.console.warn(&format!(
            "Nothing more fits into {}: {} of {} are in use; free space there or have the quota raised",
            room.place,
            size(room.used),
            size(room.limit)
        )),
        Room::Limited(_) | Room::Unlimited => {}
        Room::Unknown(why) => session
            .console
            .debug(&format!("No quota is known for '{output}': {why}")),
    }
}
