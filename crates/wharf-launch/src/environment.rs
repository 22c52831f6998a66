//! What the layers of the buildpacks add to the environment (buildpack spec, "Environment").
use crate::{
    LaunchError, display,
    host::{Host, ReadError},
    join,
};
use alloc::vec::Vec;
use wharf_env::{Env, EnvDelta, EnvFile, Unsuffixed, posix_path};

/// Largest file of an `env` directory: eight times what Linux takes as one variable.
const VARIABLE_LIMIT: usize = 1 << 20;

/// The layer directories of one buildpack, ascending by name; none when it made no launch layer.
pub(crate) fn layers(host: &dyn Host, buildpack_dir: &[u8]) -> Result<Vec<Vec<u8>>, LaunchError> {
    names(host, buildpack_dir, true)
}

/// The entries of a directory that are, or are not, directories themselves: whole paths, ascending by name.
pub(crate) fn names(
    host: &dyn Host,
    directory: &[u8],
    directories: bool,
) -> Result<Vec<Vec<u8>>, LaunchError> {
    let entries = match host.list(directory) {
        Ok(entries) => entries,
        Err(errno) if errno.is_not_found() => return Ok(Vec::new()),
        Err(source) => {
            return Err(LaunchError::List {
                path: display(directory),
                source,
            });
        }
    };
    let wanted = entries
        .into_iter()
        .filter(|entry| entry.is_directory == directories);
    let mut names: Vec<Vec<u8>> = wanted.map(|entry| entry.name).collect();
    names.sort();
    Ok(names.iter().map(|name| join(directory, name)).collect())
}

/// Applies the layers of one buildpack: first their `bin` and `lib`, then their files.
pub(crate) fn apply(
    host: &dyn Host,
    env: &mut Env,
    layers: &[Vec<u8>],
    process_type: Option<&[u8]>,
) -> Result<(), LaunchError> {
    // Each directory goes to the front, and the first layer's is to stand first.
    for layer in layers.iter().rev() {
        posix_path::extend_bytes(env, posix_path::LAUNCH, layer, &|path| {
            host.is_directory(path)
        });
    }
    for layer in layers {
        let launch = join(layer, b"env.launch");
        let mut directories =
            Vec::from([files(host, &join(layer, b"env"))?, files(host, &launch)?]);
        if let Some(process_type) = process_type {
            directories.push(files(host, &join(&launch, process_type))?);
        }
        let directories: Vec<&[EnvFile]> = directories.iter().map(Vec::as_slice).collect();
        EnvDelta::from_directories(&directories, Unsuffixed::Override).apply(env);
    }
    Ok(())
}

fn files(host: &dyn Host, directory: &[u8]) -> Result<Vec<EnvFile>, LaunchError> {
    let mut files = Vec::new();
    for path in names(host, directory, false)? {
        if host.is_directory(&path) {
            continue;
        }
        let content =
            host.read(&path, VARIABLE_LIMIT)
                .map_err(|source| LaunchError::ReadVariable {
                    path: display(&path),
                    source,
                })?;
        if content.contains(&0) {
            let source = ReadError::NulByte;
            return Err(LaunchError::ReadVariable {
                path: display(&path),
                source,
            });
        }
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        files.push(EnvFile::from_bytes(name.to_vec(), content));
    }
    Ok(files)
}
