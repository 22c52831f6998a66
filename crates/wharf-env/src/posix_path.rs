//! The path variables a layer's directories extend (buildpack spec, "Layer Paths").
use crate::Env;
use std::{ffi::OsStr, path::Path};

/// Directories of a layer and the variables they extend while building.
pub const BUILD: &[(&str, &str)] = &[
    ("bin", "PATH"),
    ("lib", "LD_LIBRARY_PATH"),
    ("lib", "LIBRARY_PATH"),
    ("include", "CPATH"),
    ("pkgconfig", "PKG_CONFIG_PATH"),
];

/// Directories of a layer and the variables they extend at launch.
pub const LAUNCH: &[(&str, &str)] = &[("bin", "PATH"), ("lib", "LD_LIBRARY_PATH")];

/// Prepends the directories of `layer` that `is_dir` admits.
pub fn extend(env: &mut Env, table: &[(&str, &str)], layer: &Path, is_dir: &dyn Fn(&Path) -> bool) {
    for (directory, variable) in table {
        let path = layer.join(directory);
        if is_dir(&path) {
            env.prepend(OsStr::new(variable), path.as_os_str(), OsStr::new(":"));
        }
    }
}

/// Whether `name` is a list of directories that user-provided values are put before.
pub fn is_path_variable(name: &OsStr) -> bool {
    BUILD.iter().any(|(_, variable)| name == *variable)
}
