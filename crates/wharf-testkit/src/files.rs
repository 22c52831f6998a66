//! Files that tests make.
use std::{fs, path::Path};

/// Writes a file with its parents.
///
/// # Panics
/// When it cannot.
#[expect(clippy::expect_used, reason = "only tests call it")]
pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap_or(path)).expect("parents are made");
    fs::write(path, text).expect("the file is written");
}
