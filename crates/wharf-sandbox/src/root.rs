//! The writable root, made from a shared directory and a scratch directory.
use crate::{
    error::{At, SetupFailure, Step},
    sandbox::{Root, Stacking},
    tree,
};
use nix::mount::{MsFlags, mount};
use std::{
    fs,
    path::{Path, PathBuf},
};

const NONE: Option<&str> = None;

/// Mounts the writable root and returns where it is.
pub(crate) fn mount_root(root: &Root) -> Result<PathBuf, SetupFailure> {
    let merged = root.scratch.join("root");
    fs::create_dir_all(&merged).at_path(Step::PrepareRoot, &merged)?;
    if root.stacking == Stacking::Copy || overlay(root, &merged)?.is_none() {
        tree::copy(&root.lower, &merged, &mut |_, _| true)
            .map_err(|error| error.source)
            .at_path(Step::CopyRoot, &root.lower)?;
        bind_self(&merged)?;
    }
    Ok(merged)
}

/// Stacks with overlayfs; `None` when it is not possible here.
fn overlay(root: &Root, merged: &Path) -> Result<Option<()>, SetupFailure> {
    for name in ["lower", "upper", "work"] {
        let dir = root.scratch.join(name);
        fs::create_dir_all(&dir).at_path(Step::PrepareRoot, &dir)?;
    }
    // Options separate paths by ':' and ','. Relative names need no quoting, whatever the directories are called.
    nix::unistd::chdir(&root.scratch).at_path(Step::PrepareRoot, &root.scratch)?;
    mount(Some(&root.lower), "lower", NONE, MsFlags::MS_BIND, NONE)
        .at_path(Step::MountRoot, &root.lower)?;
    let mounted = mount(
        Some("overlay"),
        merged,
        Some("overlay"),
        MsFlags::MS_NODEV | MsFlags::MS_NOSUID,
        Some("userxattr,lowerdir=lower,upperdir=upper,workdir=work"),
    );
    Ok(mounted.ok())
}

fn bind_self(merged: &Path) -> Result<(), SetupFailure> {
    mount(Some(merged), merged, NONE, MsFlags::MS_BIND, NONE).at_path(Step::MountRoot, merged)
}
