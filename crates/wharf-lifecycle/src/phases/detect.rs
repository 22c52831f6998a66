//! `detector`.
use super::load;
use crate::{exit::Failure, handoff, inputs::Detect, phase::Phase, session::Session};
use wharf_buildpack::{BuildpackStore, ProcessRunner};
use wharf_detect::{DetectError, DetectInputs, Detected, error::NO_GROUP};
use wharf_spec::{
    api::BaseContract,
    encode::toml_text,
    env_var,
    files::{
        analyzed::Analyzed,
        order::Order,
        system::{System, SystemBuildpacks},
    },
};

/// What is read before the phase starts.
#[derive(Debug)]
pub(crate) struct Loaded {
    order: Order,
    system: SystemBuildpacks,
}

pub(crate) fn load(inputs: &Detect) -> Result<Loaded, Failure> {
    let system = match &inputs.system {
        Some(path) => handoff::load_optional::<System>(handoff::SYSTEM, path)
            .map_err(|error| Failure::Load(Phase::Detect, error))?,
        None => None,
    };
    Ok(Loaded {
        order: handoff::load(handoff::ORDER, &inputs.order).map_err(Failure::Order)?,
        system: system.unwrap_or_default().system,
    })
}

/// What an earlier phase may have left.
pub(crate) fn analyzed(inputs: &Detect) -> Result<Analyzed, Failure> {
    load::analyzed_if_any(Phase::Detect, &inputs.analyzed)
}

/// Chooses the group; saves `group.toml` and `plan.toml`.
pub(crate) fn run(
    inputs: &Detect,
    loaded: Loaded,
    session: &Session<'_>,
    analyzed: &Analyzed,
) -> Result<Detected, Failure> {
    let told = DetectInputs {
        context: load::context(&inputs.buildpacks, session, analyzed),
        stack: stack(session),
        order: loaded.order,
        system: loaded.system,
        extensions: session.api.features().extensions,
        concurrency: session.workers.get(),
    };
    let store = BuildpackStore::new(&inputs.buildpacks.directory);
    let runner = ProcessRunner::new(session.interrupt.cancel());
    let detected = session
        .interrupt
        .with_buildpacks(|| {
            session.console.timed("Detector", || {
                wharf_detect::detect(&told, &store, &runner, session.console)
            })
        })
        .ok_or(Failure::Interrupted(Phase::Detect))?
        .map_err(|error| failed(error, session))?;
    handoff::save(handoff::GROUP, &inputs.group, toml_text(&detected.group))
        .map_err(load::saving(Phase::Detect))?;
    handoff::save(handoff::PLAN, &inputs.plan, toml_text(&detected.plan))
        .map_err(load::saving(Phase::Detect))?;
    Ok(detected)
}

/// The stack of the build image where stacks still count.
fn stack(session: &Session<'_>) -> Option<String> {
    match session.api.features().base_contract {
        BaseContract::Target => None,
        BaseContract::Stack => session
            .environment
            .value(env_var::STACK_ID)
            .filter(|id| !id.is_empty())
            .map(|id| id.to_string_lossy().into_owned()),
    }
}

/// The lines that people and platforms look for come before the error itself.
fn failed(error: DetectError, session: &Session<'_>) -> Failure {
    if matches!(error, DetectError::NoGroup { .. }) {
        for line in NO_GROUP {
            session.console.error(line);
        }
    }
    Failure::Detect(error)
}
