//! Chooses the group and resolves the build plan by running `bin/detect` (buildpack spec, "Phase #1: Detection").
//!
//! | module | what |
//! |---|---|
//! | [`inputs`] | what the phase is told |
//! | [`error`] | why it fails |
//! | [`trace`] | what it would say, kept until the outcome is known |
//! | `order` | groups in the order they are tried, composite buildpacks expanded |
//! | `modules` | `bin/detect` run once per buildpack, several at a time |
//! | `judge` | whether the results let a group pass |
//! | `resolve` | the build plan: pure, over all alternatives |
pub mod error;
pub mod inputs;
mod judge;
mod modules;
mod order;
mod resolve;
pub mod trace;

pub use error::DetectError;
pub use inputs::DetectInputs;
pub use trace::{Trace, TraceLine};

use judge::Judgement;
use modules::Modules;
use order::{Groups, Member};
use resolve::{Element, Resolution};
use std::path::Path;
use wharf_buildpack::{BuildpackRunner, BuildpackStore};
use wharf_spec::{
    api::Extensions,
    files::{
        group::{Group, GroupElement},
        plan::Plan,
    },
    log::Log,
};

/// The chosen group and its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// For `group.toml`.
    pub group: Group,
    /// For `plan.toml`.
    pub plan: Plan,
    /// Everything that was found out on the way; `log` has got it too.
    pub trace: Trace,
}

/// Tries the groups of the order one after the other; the first that passes is the result.
///
/// Lines are kept until the outcome is known. On success `log` gets them at their own level; on failure all of them
/// at least at level info, because whoever reads them wants to know why. Writes nothing but temporary files.
pub fn detect(
    inputs: &DetectInputs,
    store: &BuildpackStore,
    runner: &dyn BuildpackRunner,
    log: &dyn Log,
) -> Result<Detected, DetectError> {
    warn_of_extensions(inputs, log);
    let mut trace = Trace::default();
    match find_group(inputs, store, runner, &mut trace) {
        Ok((group, plan)) => {
            trace.write_to(log);
            Ok(Detected { group, plan, trace })
        }
        Err(error) => {
            trace.write_all_to(log);
            Err(error.with_trace(trace))
        }
    }
}

fn warn_of_extensions(inputs: &DetectInputs, log: &dyn Log) {
    let groups = inputs.order.order.iter().flat_map(|group| &group.group);
    let named =
        !inputs.order.order_extensions.is_empty() || groups.clone().any(|one| one.extension);
    if named && inputs.extensions != Extensions::Unknown {
        log.warn("image extensions are not supported yet; the order's extensions are ignored");
    }
}

fn find_group(
    inputs: &DetectInputs,
    store: &BuildpackStore,
    runner: &dyn BuildpackRunner,
    trace: &mut Trace,
) -> Result<(Group, Plan), DetectError> {
    require_app(&inputs.context.app_dir)?;
    let sources = inputs.context.read_sources()?;
    let mut groups = Groups::new(inputs, store, trace)?;
    let mut modules = Modules::new(inputs, &sources, runner)?;
    let mut with_errors = false;
    while let Some(group) = groups.next_group()? {
        modules.run(&group)?;
        match judge::judge(&group, &modules, trace) {
            Judgement::Fails { errored } => with_errors |= errored,
            Judgement::MayPass(passed) => {
                let elements: Vec<Element> = passed.iter().map(|one| one.element()).collect();
                if let Some(resolution) = resolve::resolve(&elements, trace)? {
                    return Ok(choose(&group, &passed, resolution, trace));
                }
            }
        }
    }
    Err(DetectError::NoGroup {
        with_errors,
        trace: Trace::default(),
    })
}

fn require_app(app: &Path) -> Result<(), DetectError> {
    let failed = |source| DetectError::App {
        path: app.to_owned(),
        source,
    };
    std::fs::read_dir(app).map(drop).map_err(failed)
}

fn choose(
    group: &[Member],
    passed: &[judge::Passed<'_>],
    resolution: Resolution,
    trace: &mut Trace,
) -> (Group, Plan) {
    let chosen: Vec<&Member> = resolution
        .kept
        .iter()
        .map(|index| passed[*index].member)
        .collect();
    if chosen.len() != group.len() {
        trace.info(format!(
            "{} of {} buildpacks participating",
            chosen.len(),
            group.len()
        ));
    }
    let width = chosen
        .iter()
        .map(|member| member.id().as_str().len())
        .max()
        .unwrap_or_default();
    for member in &chosen {
        trace.info(format!(
            "{:width$} {}",
            member.id().as_str(),
            member.version
        ));
    }
    let elements: Vec<GroupElement> = chosen.iter().map(|member| member.group_element()).collect();
    let group = Group {
        group: elements,
        group_extensions: Vec::new(),
    };
    (group, resolution.plan)
}
