//! `builder`.
use super::load;
use crate::{exit::Failure, handoff, inputs::Build, phase::Phase, session::Session};
use wharf_build::BuildInputs;
use wharf_buildpack::{BuildpackStore, ProcessRunner};
use wharf_spec::files::{analyzed::Analyzed, group::Group, metadata::BuildMetadata, plan::Plan};

/// What is read before the phase starts.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) analyzed: Analyzed,
    pub(crate) group: Group,
    pub(crate) plan: Plan,
}

pub(crate) fn load(inputs: &Build) -> Result<Loaded, Failure> {
    Ok(Loaded {
        analyzed: load::analyzed_if_any(Phase::Build, &inputs.analyzed)?,
        group: load::group(Phase::Build, &inputs.group)?,
        plan: handoff::load(handoff::PLAN, &inputs.plan)
            .map_err(|error| Failure::Load(Phase::Build, error))?,
    })
}

/// Runs the buildpacks; saves `config/metadata.toml`.
pub(crate) fn run(
    inputs: &Build,
    loaded: Loaded,
    session: &Session<'_>,
) -> Result<BuildMetadata, Failure> {
    let features = session.api.features();
    let told = BuildInputs {
        context: load::context(&inputs.buildpacks, session, &loaded.analyzed),
        layers_dir: inputs.layers.clone(),
        group: loaded.group,
        plan: loaded.plan,
        command_form: features.command_form,
        legacy_bom: features.legacy_bom,
        sbom_paths: features.sbom_paths,
    };
    let store = BuildpackStore::new(&inputs.buildpacks.directory);
    let runner = ProcessRunner::new(session.interrupt.cancel());
    let console = session.console;
    let metadata = session
        .interrupt
        .with_buildpacks(|| {
            console.timed("Builder", || {
                wharf_build::build(&told, &store, &runner, console, &mut console.stream())
            })
        })
        .ok_or(Failure::Interrupted(Phase::Build))?
        .map_err(Failure::Build)?;
    let text = metadata.encode(features.command_form);
    handoff::save(handoff::METADATA, &inputs.metadata, text).map_err(load::saving(Phase::Build))?;
    Ok(metadata)
}
