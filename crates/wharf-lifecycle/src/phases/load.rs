//! Files that several phases read.
use crate::{
    exit::Failure,
    handoff::{self, HandoffError},
    inputs::{Buildpacks, RunFile},
    phase::Phase,
    session::Session,
};
use std::path::Path;
use wharf_buildpack::{Context, target};
use wharf_env::build_env;
use wharf_spec::{
    api::{BaseContract, BuildpackApi},
    files::{analyzed::Analyzed, group::Group, run::RunImages, stack::Stack},
    id::full_name,
    reference::Reference,
};

/// `run.toml`, or the one image of `stack.toml`; empty when there is none.
pub(super) fn run_images(phase: Phase, file: &RunFile) -> Result<RunImages, Failure> {
    let loaded = match file {
        RunFile::Run(path) => handoff::load_optional(handoff::RUN, path),
        RunFile::Stack(path) => {
            handoff::load_optional(handoff::STACK, path).map(|stack| stack.map(images_of))
        }
    };
    loaded
        .map(Option::unwrap_or_default)
        .map_err(|error| Failure::Load(phase, error))
}

fn images_of(stack: Stack) -> RunImages {
    let mut images = vec![stack.run_image];
    images.retain(|one| !one.image.is_empty());
    RunImages { images }
}

/// `group.toml`, whose members must speak a Buildpack API that we do.
pub(super) fn group(phase: Phase, path: &Path) -> Result<Group, Failure> {
    let group: Group =
        handoff::load(handoff::GROUP, path).map_err(|error| Failure::Load(phase, error))?;
    for element in group.group.iter().filter(|element| !element.api.is_empty()) {
        element
            .api
            .parse::<BuildpackApi>()
            .map_err(|source| Failure::GroupApi {
                buildpack: full_name(&element.id, &element.version),
                source,
            })?;
    }
    Ok(group)
}

/// `analyzed.toml`, empty when it is not there yet: platforms may detect before they analyze.
pub(super) fn analyzed_if_any(phase: Phase, path: &Path) -> Result<Analyzed, Failure> {
    handoff::load_optional(handoff::ANALYZED, path)
        .map(Option::unwrap_or_default)
        .map_err(|error| Failure::Load(phase, error))
}

/// Every image these names mean; what is no reference is for the phase to judge.
pub(super) fn references<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<Reference> {
    names
        .into_iter()
        .filter_map(|name| name.parse().ok())
        .collect()
}

/// The names of all run images.
pub(super) fn names(images: &RunImages) -> impl Iterator<Item = &String> {
    images
        .images
        .iter()
        .flat_map(|one| one.mirrors.iter().chain([&one.image]))
}

/// The images that `analyzed.toml` names.
pub(super) fn analyzed_names(analyzed: &Analyzed) -> impl Iterator<Item = &String> {
    let previous = analyzed.previous_image.iter().map(|image| &image.reference);
    let run = analyzed.run_image.iter();
    previous.chain(run.flat_map(|image| [&image.reference, &image.image]))
}

/// What buildpacks are told.
pub(super) fn context(inputs: &Buildpacks, session: &Session<'_>, analyzed: &Analyzed) -> Context {
    let target = match session.api.features().base_contract {
        BaseContract::Stack => None,
        BaseContract::Target => analyzed
            .run_image
            .as_ref()
            .and_then(|run| run.target.clone()),
    };
    // Missing on images without a distribution.
    let os_release = std::fs::read_to_string("/etc/os-release").ok();
    Context {
        app_dir: inputs.app.clone(),
        platform_dir: inputs.platform.clone(),
        user_env: session.api.features().user_env,
        build_config_dir: inputs.build_config.clone(),
        temp_dir: session.temporary(),
        process_env: build_env::inherited(session.environment.iter()),
        target: target.map(|target| target::complete(target, os_release.as_deref())),
        exec_env: inputs.exec_env.clone(),
    }
}

/// Wraps a failed save.
pub(super) fn saving(phase: Phase) -> impl Fn(HandoffError) -> Failure {
    move |error| Failure::Save(phase, error)
}
