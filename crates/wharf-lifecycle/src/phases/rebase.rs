//! `rebaser`.
use super::load;
use crate::{
    exit::Failure,
    handoff,
    inputs::Rebase,
    phase::Phase,
    session::{self, Session, Stores},
};
use wharf_image::{ImageStore, Platform};
use wharf_rebase::RebaseInputs;
use wharf_spec::{
    encode::toml_text,
    labels::{LIFECYCLE_METADATA, lifecycle::LifecycleMetadata},
    reference::Reference,
};

/// The run images that the app image names: their registries may ask for credentials, too. What cannot be read now is
/// for the phase to report.
pub(crate) fn recorded_run_images(
    inputs: &Rebase,
    store: &dyn ImageStore,
    platform: &Platform,
) -> Vec<Reference> {
    let Ok(Some(app)) = wharf_rebase::find_for_any(&inputs.app_image, platform, store) else {
        return Vec::new();
    };
    let label = app.label(LIFECYCLE_METADATA).unwrap_or_default();
    let Ok(metadata) = serde_json::from_str::<LifecycleMetadata>(label) else {
        return Vec::new();
    };
    let old = metadata.stack.iter().map(|stack| {
        let run_image = &stack.run_image;
        (&run_image.image, &run_image.mirrors)
    });
    let new = (&metadata.run_image.image, &metadata.run_image.mirrors);
    let named = old.chain([new]);
    load::references(named.flat_map(|(image, mirrors)| mirrors.iter().chain([image])))
}

/// Swaps the run image; saves `report.toml`.
pub(crate) fn run(inputs: &Rebase, session: &Session<'_>, stores: &Stores) -> Result<(), Failure> {
    let told = RebaseInputs {
        app_image: inputs.app_image.clone(),
        outputs: inputs.outputs.clone(),
        run_image: inputs.run_image.clone(),
        force: inputs.force,
        tag_race: inputs.tag_race,
        platform: session::platform(),
        features: session.api.features(),
    };
    let report = session
        .console
        .timed("Rebaser", || {
            wharf_rebase::rebase(&told, stores.images.as_ref(), session.console)
        })
        .map_err(Failure::Rebase)?;
    handoff::save(handoff::REPORT, &inputs.report, toml_text(&report))
        .map_err(load::saving(Phase::Rebase))
}
