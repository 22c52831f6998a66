//! The path variables a layer's directories extend (buildpack spec, "Layer Paths").
use crate::Env;
use alloc::vec::Vec;
#[cfg(feature = "std")]
use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

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
#[cfg(feature = "std")]
pub fn extend(env: &mut Env, table: &[(&str, &str)], layer: &Path, is_dir: &dyn Fn(&Path) -> bool) {
    let admits = |path: &[u8]| is_dir(Path::new(OsStr::from_bytes(path)));
    extend_bytes(env, table, layer.as_os_str().as_bytes(), &admits);
}

/// [`extend`] with paths as bytes.
pub fn extend_bytes(
    env: &mut Env,
    table: &[(&str, &str)],
    layer: &[u8],
    is_dir: &dyn Fn(&[u8]) -> bool,
) {
    for (directory, variable) in table {
        let path: Vec<u8> = [layer, b"/", directory.as_bytes()].concat();
        if is_dir(&path) {
            env.prepend_bytes(variable.as_bytes(), &path, b":");
        }
    }
}

/// Whether `name` is a list of directories that user-provided values are put before.
#[cfg(feature = "std")]
pub fn is_path_variable(name: &OsStr) -> bool {
    BUILD.iter().any(|(_, variable)| name == *variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extended(table: &[(&str, &str)]) -> Env {
        let mut env: Env = [("PATH", "/bin")].into_iter().collect();
        let is_dir = |path: &Path| !path.ends_with("a/lib");
        // Later layers come first, so layers are extended from the last to the first of a buildpack.
        for layer in ["/layers/x/b", "/layers/x/a"] {
            extend(&mut env, table, Path::new(layer), &is_dir);
        }
        env
    }

    #[test]
    fn a_build_sees_every_kind_of_directory() {
        let expected = [
            ("PATH", "/layers/x/a/bin:/layers/x/b/bin:/bin"),
            ("LD_LIBRARY_PATH", "/layers/x/b/lib"),
            ("LIBRARY_PATH", "/layers/x/b/lib"),
            ("CPATH", "/layers/x/a/include:/layers/x/b/include"),
            (
                "PKG_CONFIG_PATH",
                "/layers/x/a/pkgconfig:/layers/x/b/pkgconfig",
            ),
        ];
        assert_eq!(extended(BUILD), expected.into_iter().collect());
    }

    #[test]
    fn a_launch_sees_programs_and_libraries_only() {
        let expected = [
            ("PATH", "/layers/x/a/bin:/layers/x/b/bin:/bin"),
            ("LD_LIBRARY_PATH", "/layers/x/b/lib"),
        ];
        assert_eq!(extended(LAUNCH), expected.into_iter().collect());
    }
}
