//! The layers of one buildpack after its build (buildpack spec, "Layer Types", "Environment").
use crate::{BuildError, io_error};
use serde::Deserialize;
use std::{fs, io, path::Path};
use wharf_buildpack::{env_dir, file};
use wharf_env::{Env, EnvDelta, Unsuffixed, posix_path};
use wharf_layer::layers_dir::{self, BuildpackLayer};
use wharf_spec::{files::layer_content_metadata::LayerTypes, log::Log};

/// The layers below `dir`, sorted by name.
pub(crate) fn read(dir: &Path) -> Result<Vec<BuildpackLayer>, BuildError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct OnlyTypes {
        types: Option<toml::Value>,
    }
    for name in ["build", "launch", "store"] {
        let path = dir.join(format!("{name}.toml"));
        let file: OnlyTypes = file::read_toml(&path)?.unwrap_or_default();
        if file.types.is_some() {
            return Err(BuildError::ReservedLayer { path, name });
        }
    }
    Ok(layers_dir::read(dir)?)
}

/// Moves layers without any type to `<layer>.ignore`, where neither the app nor a later buildpack finds them.
pub(crate) fn ignore_untyped(layers: &[BuildpackLayer], log: &dyn Log) -> Result<(), BuildError> {
    let is_untyped = |layer: &&BuildpackLayer| {
        layer.has_metadata
            && layer.has_directory
            && layer.metadata.layer_types() == LayerTypes::default()
    };
    for layer in layers.iter().filter(is_untyped) {
        let mut name = layer.path.as_os_str().to_owned();
        name.push(".ignore");
        let ignored = Path::new(&name);
        remove(ignored)?;
        fs::rename(&layer.path, ignored)
            .map_err(|source| io_error("move away", &layer.path, source))?;
        log.debug(&format!(
            "Ignoring layer '{}': it has no types",
            layer.path.display()
        ));
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), BuildError> {
    let result = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Adds the build layers of one buildpack to what later buildpacks see: first the directories of all of them, then
/// their variables. Paths stand in ascending order of layer names, so they are prepended from the last to the first.
pub(crate) fn extend_env(env: &mut Env, layers: &[BuildpackLayer]) -> Result<(), BuildError> {
    let build: Vec<&BuildpackLayer> = layers
        .iter()
        .filter(|layer| layer.metadata.layer_types().build)
        .collect();
    for layer in build.iter().rev() {
        posix_path::extend(env, posix_path::BUILD, &layer.path, &Path::is_dir);
    }
    for layer in build {
        let always = env_dir::read(&layer.path.join("env"))?;
        let building = env_dir::read(&layer.path.join("env.build"))?;
        EnvDelta::from_directories(&[&always, &building], Unsuffixed::Override).apply(env);
    }
    Ok(())
}
