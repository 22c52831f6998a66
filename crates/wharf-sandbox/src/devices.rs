//! A minimal `/dev`.
use crate::error::{At, SetupFailure, Step};
use nix::mount::{MsFlags, mount};
use std::{fs, os::unix::fs::symlink, path::Path};

const NONE: Option<&str> = None;
const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Mounts `/dev` with device nodes of the host, whose root is at `host`.
pub(crate) fn make(host: &Path) -> Result<(), SetupFailure> {
    let dev = Path::new("/dev");
    fs::create_dir_all(dev).at_path(Step::MountDev, dev)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(
        Some("tmpfs"),
        dev,
        Some("tmpfs"),
        flags,
        Some("mode=755,size=64k"),
    )
    .at_path(Step::MountDev, dev)?;
    for name in NODES {
        let (source, target) = (host.join("dev").join(name), dev.join(name));
        if source.exists() {
            fs::write(&target, "").at_path(Step::MountDev, &target)?;
            mount(Some(&source), &target, NONE, MsFlags::MS_BIND, NONE)
                .at_path(Step::MountDev, &target)?;
        }
    }
    for (name, target) in LINKS {
        symlink(target, dev.join(name)).at_path(Step::MountDev, dev.join(name))?;
    }
    shared_memory(&dev.join("shm"))?;
    let pts = dev.join("pts");
    fs::create_dir(&pts).at_path(Step::MountDev, &pts)?;
    // Pseudo terminals are a convenience; some kernels are built without.
    let options = Some("newinstance,ptmxmode=0666,mode=0620");
    let _ = mount(Some("devpts"), &pts, Some("devpts"), flags, options);
    Ok(())
}

fn shared_memory(path: &Path) -> Result<(), SetupFailure> {
    fs::create_dir(path).at_path(Step::MountDev, path)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(
        Some("tmpfs"),
        path,
        Some("tmpfs"),
        flags,
        Some("mode=1777,size=256m"),
    )
    .at_path(Step::MountDev, path)
}
