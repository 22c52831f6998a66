//! The one function of the crate: from inputs to what is executed.
use crate::{
    LaunchError, LaunchInputs, display, environment, exec_d,
    host::Host,
    join, lookup,
    metadata::Metadata,
    process::{self, Selected},
    shell,
};
use alloc::vec::Vec;
use wharf_env::Env;
use wharf_spec::{api::BuildpackApi, id::BuildpackId};

/// Largest `metadata.toml` that is read.
const METADATA_LIMIT: usize = 16 << 20;

/// What is executed. Nothing is left to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchPlan {
    /// The file to execute; when relative, then to `cwd`.
    pub program: Vec<u8>,
    /// Arguments, the name first.
    pub argv: Vec<Vec<u8>>,
    /// Environment.
    pub env: Env,
    /// Working directory, absolute.
    pub cwd: Vec<u8>,
}

/// Works out what to execute. `exec.d` programs run on the way: their variables are part of the environment.
pub fn plan(inputs: &LaunchInputs, host: &dyn Host) -> Result<LaunchPlan, LaunchError> {
    let metadata = read_metadata(inputs, host)?;
    let buildpack_dirs = buildpack_dirs(inputs, &metadata)?;
    let selected = process::select(inputs, &metadata)?;
    if !host.is_directory(&inputs.app_dir) {
        return Err(LaunchError::AppDirectory {
            path: display(&inputs.app_dir),
        });
    }
    let process_type = selected.process_type.as_deref();
    let mut env = inputs.env.clone();
    let mut layers = Vec::new();
    for directory in buildpack_dirs {
        let of_buildpack = environment::layers(host, &directory)?;
        environment::apply(host, &mut env, &of_buildpack, process_type)?;
        layers.extend(of_buildpack);
    }
    exec_d::run(host, &mut env, &layers, process_type, &inputs.app_dir)?;
    if selected.direct {
        direct(inputs, host, selected, env)
    } else {
        through_shell(inputs, host, &layers, &selected, env)
    }
}

fn read_metadata(inputs: &LaunchInputs, host: &dyn Host) -> Result<Metadata, LaunchError> {
    let path = inputs.metadata_path();
    let bytes = host
        .read(&path, METADATA_LIMIT)
        .map_err(|source| LaunchError::ReadMetadata {
            path: display(&path),
            source,
        })?;
    // A byte that is not UTF-8 becomes the replacement character, which no reader of names will match.
    Metadata::parse(&display(&bytes)).map_err(|source| LaunchError::ParseMetadata {
        path: display(&path),
        source,
    })
}

/// The layers directory of each buildpack, in build order; all their APIs must be ours.
fn buildpack_dirs(inputs: &LaunchInputs, metadata: &Metadata) -> Result<Vec<Vec<u8>>, LaunchError> {
    let directory = |buildpack: &crate::metadata::Buildpack| {
        buildpack
            .api
            .parse::<BuildpackApi>()
            .map_err(|source| LaunchError::BuildpackApi {
                id: buildpack.id.clone(),
                source,
            })?;
        let id =
            buildpack
                .id
                .parse::<BuildpackId>()
                .map_err(|source| LaunchError::BuildpackId {
                    path: display(&inputs.metadata_path()),
                    source,
                })?;
        Ok(join(&inputs.layers_dir, id.dir_name().as_bytes()))
    };
    metadata.buildpacks.iter().map(directory).collect()
}

fn direct(
    inputs: &LaunchInputs,
    host: &dyn Host,
    selected: Selected,
    env: Env,
) -> Result<LaunchPlan, LaunchError> {
    let cwd = join(&inputs.app_dir, &selected.working_dir);
    if !host.is_directory(&cwd) {
        return Err(LaunchError::WorkingDirectory {
            path: display(&cwd),
        });
    }
    let command = selected
        .words
        .first()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let program = lookup::program(host, command, &env, &cwd)?;
    Ok(LaunchPlan {
        program,
        argv: selected.words,
        env,
        cwd,
    })
}

fn through_shell(
    inputs: &LaunchInputs,
    host: &dyn Host,
    layers: &[Vec<u8>],
    selected: &Selected,
    env: Env,
) -> Result<LaunchPlan, LaunchError> {
    let bash = shell::BASH.as_bytes();
    if !host.is_executable(bash) {
        return Err(LaunchError::NoShell { shell: shell::BASH });
    }
    let working_dir = join(&inputs.app_dir, &selected.working_dir);
    let profiles = profiles(inputs, host, layers, selected.process_type.as_deref())?;
    let script = shell::script(&profiles, &working_dir, &selected.words);
    Ok(LaunchPlan {
        program: bash.to_vec(),
        argv: Vec::from([
            b"bash".to_vec(),
            b"-c".to_vec(),
            script,
            inputs.name.clone(),
        ]),
        env,
        cwd: inputs.app_dir.clone(),
    })
}

/// The scripts a shell sources: of all layers, then of all layers for the process type, then the app's own.
fn profiles(
    inputs: &LaunchInputs,
    host: &dyn Host,
    layers: &[Vec<u8>],
    process_type: Option<&[u8]>,
) -> Result<Vec<Vec<u8>>, LaunchError> {
    let mut profiles = Vec::new();
    for layer in layers {
        profiles.extend(environment::names(host, &join(layer, b"profile.d"), false)?);
    }
    if let Some(process_type) = process_type {
        for layer in layers {
            let directory = join(&join(layer, b"profile.d"), process_type);
            profiles.extend(environment::names(host, &directory, false)?);
        }
    }
    let of_app = join(&inputs.app_dir, b".profile");
    if host.is_file(&of_app) {
        profiles.push(of_app);
    }
    Ok(profiles)
}
