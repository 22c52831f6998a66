//! Recorded outputs of the reference lifecycle, from `fixtures/golden/reference`.
use crate::{MemoryStore, image_recipe::digest};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use wharf_spec::reference::Reference;

/// The recorded runs, by Platform API.
pub const APIS: [&str; 2] = ["0.13", "0.15"];

/// A file or directory of a recorded run.
pub fn path(api: &str, name: &str) -> PathBuf {
    let root = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/golden/reference"
    );
    Path::new(root).join(api).join(name)
}

/// The text of a recorded file.
///
/// # Panics
/// When there is no such file.
#[expect(clippy::expect_used, reason = "only tests call it")]
pub fn text(api: &str, name: &str) -> String {
    fs::read_to_string(path(api, name)).expect("recorded file")
}

/// Puts a recorded image (a directory with `manifest.json` and blobs) into a store, byte for byte.
///
/// # Panics
/// When there is no such image.
#[expect(clippy::expect_used, reason = "only tests call it")]
pub fn load_image(api: &str, name: &str, store: &MemoryStore, reference: &Reference) {
    let directory = path(api, name);
    let entries = fs::read_dir(&directory).expect("recorded image");
    for entry in entries {
        let bytes = fs::read(entry.expect("directory entry").path()).expect("recorded blob");
        store.corrupt_blob(reference, digest(&bytes), bytes);
    }
    let manifest = fs::read(directory.join("manifest.json")).expect("recorded manifest");
    store.put_manifest(reference, manifest);
}

/// Copies the recorded buildpacks below `directory` and makes their programs executable, which they are not here.
///
/// # Panics
/// When `directory` cannot be written.
#[expect(clippy::expect_used, reason = "only tests call it")]
pub fn copy_buildpacks(api: &str, directory: &Path) {
    copy_tree(&path(api, "inputs/cnb/buildpacks"), directory).expect("writable directory");
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}
