//! Which process is meant (platform spec, "launcher", "Inputs").
use crate::{
    LaunchError, LaunchInputs, display,
    metadata::{Metadata, Process},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use wharf_spec::api::{BuildpackApi, UserArgs};

/// What to run, before the environment is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected {
    /// Process type; `None` for a command of the user.
    pub process_type: Option<Vec<u8>>,
    /// Command and arguments; at least one word.
    pub words: Vec<Vec<u8>>,
    /// Without a shell.
    pub direct: bool,
    /// Working directory; empty means the app directory.
    pub working_dir: Vec<u8>,
}

/// Selects by the name the launcher was called by, or takes the command of the user.
pub(crate) fn select(inputs: &LaunchInputs, metadata: &Metadata) -> Result<Selected, LaunchError> {
    let named = |process: &&Process| process.r#type.as_bytes() == inputs.called_as();
    let candidates: Vec<&Process> = metadata.processes.iter().filter(named).collect();
    if candidates.is_empty() {
        return users_command(inputs, metadata);
    }
    let runs_here = |process: &&&Process| match &inputs.exec_env {
        Some(exec_env) => exec_env.is_in(&process.exec_env),
        None => true,
    };
    match candidates.iter().find(runs_here) {
        Some(process) => from_process(inputs, metadata, process),
        None => Err(not_eligible(inputs, &candidates)),
    }
}

fn from_process(
    inputs: &LaunchInputs,
    metadata: &Metadata,
    process: &Process,
) -> Result<Selected, LaunchError> {
    if process.command.is_empty() {
        return Err(LaunchError::EmptyCommand {
            process: process.r#type.clone(),
        });
    }
    let overridable = inputs.user_args == UserArgs::Override && has_default_args(metadata, process);
    let replaced = overridable && !inputs.args.is_empty();
    let default_args: &[String] = if replaced { &[] } else { &process.args };
    let own = process.command.iter().chain(default_args);
    let own = own.map(|word| word.as_bytes().to_vec());
    Ok(Selected {
        process_type: Some(process.r#type.as_bytes().to_vec()),
        words: own.chain(inputs.args.iter().cloned()).collect(),
        direct: process.direct || overridable,
        working_dir: process.working_dir.as_bytes().to_vec(),
    })
}

/// Whether the buildpack that defined the process speaks an API in which `args` are defaults and no shell exists.
fn has_default_args(metadata: &Metadata, process: &Process) -> bool {
    let buildpack = metadata
        .buildpacks
        .iter()
        .find(|buildpack| buildpack.id == process.buildpack_id);
    let api = buildpack.and_then(|buildpack| buildpack.api.parse::<BuildpackApi>().ok());
    api.is_some_and(|api| api.features().command_list)
}

fn users_command(inputs: &LaunchInputs, metadata: &Metadata) -> Result<Selected, LaunchError> {
    let (direct, words) = match inputs.args.split_first() {
        Some((first, rest)) if first == b"--" && !rest.is_empty() => (true, rest),
        _ => (false, inputs.args.as_slice()),
    };
    if words.is_empty() {
        return Err(LaunchError::NoCommand {
            choices: choices(metadata),
        });
    }
    Ok(Selected {
        process_type: None,
        words: words.to_vec(),
        direct,
        working_dir: Vec::new(),
    })
}

fn choices(metadata: &Metadata) -> String {
    let types: Vec<&str> = metadata
        .processes
        .iter()
        .map(|process| process.r#type.as_str())
        .collect();
    if types.is_empty() {
        String::new()
    } else {
        [
            " (or one of these process types as entrypoint: ",
            &types.join(", "),
            ")",
        ]
        .concat()
    }
}

fn not_eligible(inputs: &LaunchInputs, candidates: &[&Process]) -> LaunchError {
    let available: Vec<&str> = candidates
        .iter()
        .flat_map(|process| process.exec_env.iter().map(String::as_str))
        .collect();
    LaunchError::NotEligible {
        process: display(inputs.called_as()),
        exec_env: inputs
            .exec_env
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        available: available.join(", "),
    }
}
