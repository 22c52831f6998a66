//! A cache directory.
use std::path::PathBuf;

/// `<dir>/committed` with `sha256:<hex>.tar` files and the metadata file.
#[derive(Debug)]
pub struct VolumeCache {
    dir: PathBuf,
}
