//! Where things are in this checkout.
use std::path::{Path, PathBuf};

/// The top of the checkout.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// What `dist` makes.
pub(crate) fn dist() -> PathBuf {
    target().join("dist")
}

/// What the demo keeps from run to run, and its logs.
pub(crate) fn demo() -> PathBuf {
    root().join(".demo")
}
