//! Filling the new root and moving into it.
use crate::{
    devices,
    error::{At, SetupFailure, Step},
    root,
    sandbox::{Bind, BindAccess, Network, Sandbox},
};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::statvfs::{FsFlags, statvfs},
    unistd::{chdir, pivot_root, sethostname},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

const NONE: Option<&str> = None;
/// Where the host's root is until everything from it is mounted. Not a name that an image has.
const HOST: &str = "/.wharf-host-root";
/// What of `/proc` the whole machine shares: readable, but root's files stay root's.
const READ_ONLY_PROC: [&str; 5] = ["sys", "irq", "bus", "fs", "sysrq-trigger"];
/// What of `/proc` is nobody's business.
const HIDDEN_PROC: [&str; 5] = [
    "kcore",
    "keys",
    "timer_list",
    "latency_stats",
    "sched_debug",
];
/// What a process on the host's network needs to find other hosts.
const RESOLVER_FILES: [&str; 2] = ["etc/resolv.conf", "etc/hosts"];

/// Builds the root of `sandbox` and makes it the root of this process.
pub(crate) fn enter(sandbox: &Sandbox) -> Result<(), SetupFailure> {
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(NONE, "/", NONE, flags, NONE).at(Step::PrivateMounts)?;
    let binds = canonical_sources(&sandbox.binds)?;
    let root = root::mount_root(&sandbox.root)?;
    pivot(&root)?;
    // From here on every path, whatever links the image has in it, stays inside the new root.
    mount_proc()?;
    devices::make(Path::new(HOST))?;
    make_temp_dir()?;
    for bind in &binds {
        mount_bind(bind)?;
    }
    if sandbox.network == Network::Host {
        RESOLVER_FILES.into_iter().try_for_each(copy_host_file)?;
    }
    umount2(HOST, MntFlags::MNT_DETACH).at(Step::DetachHost)?;
    fs::remove_dir(HOST).at(Step::DetachHost)?;
    sethostname(&sandbox.hostname).at(Step::Hostname)?;
    fs::create_dir_all(&sandbox.working_dir).at_path(Step::WorkingDir, &sandbox.working_dir)?;
    chdir(&sandbox.working_dir).at_path(Step::WorkingDir, &sandbox.working_dir)
}

/// Sources without links, so that they mean the same below [`HOST`].
fn canonical_sources(binds: &[Bind]) -> Result<Vec<Bind>, SetupFailure> {
    let canonical = |bind: &Bind| {
        let source = bind
            .source
            .canonicalize()
            .at_path(Step::Bind, &bind.source)?;
        Ok(Bind {
            source: below(Path::new(HOST), &source),
            ..bind.clone()
        })
    };
    binds.iter().map(canonical).collect()
}

fn below(root: &Path, absolute: &Path) -> PathBuf {
    root.join(absolute.strip_prefix("/").unwrap_or(absolute))
}

fn pivot(root: &Path) -> Result<(), SetupFailure> {
    let host = below(root, Path::new(HOST));
    fs::create_dir(&host).at_path(Step::PivotRoot, &host)?;
    chdir(root).at_path(Step::PivotRoot, root)?;
    pivot_root(root, &host).at_path(Step::PivotRoot, root)?;
    chdir("/").at(Step::PivotRoot)
}

fn mount_proc() -> Result<(), SetupFailure> {
    fs::create_dir_all("/proc").at_path(Step::MountProc, "/proc")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if mount(Some("proc"), "/proc", Some("proc"), flags, NONE).is_err() {
        // In a container that hides parts of its /proc the kernel allows no fresh one.
        let outer = below(Path::new(HOST), Path::new("/proc"));
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(&outer), "/proc", NONE, flags, NONE).at_path(Step::MountProc, "/proc")?;
    }
    for name in READ_ONLY_PROC {
        let path = Path::new("/proc").join(name);
        if path.exists() {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
            mount(Some(&path), &path, NONE, flags, NONE).at_path(Step::MountProc, &path)?;
            make_read_only(&path, Step::MountProc)?;
        }
    }
    let null = below(Path::new(HOST), Path::new("/dev/null"));
    for name in HIDDEN_PROC {
        let path = Path::new("/proc").join(name);
        if path.exists() {
            mount(Some(&null), &path, NONE, MsFlags::MS_BIND, NONE)
                .at_path(Step::MountProc, &path)?;
        }
    }
    Ok(())
}

/// `/tmp` lies with the rest of what the process writes, on disk: builds put gigabytes there.
fn make_temp_dir() -> Result<(), SetupFailure> {
    use std::os::unix::fs::PermissionsExt;
    for path in ["/tmp", "/var/tmp"] {
        fs::create_dir_all(path).at_path(Step::PrepareRoot, path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o1777))
            .at_path(Step::PrepareRoot, path)?;
    }
    Ok(())
}

fn mount_bind(bind: &Bind) -> Result<(), SetupFailure> {
    let target = &bind.target;
    if bind.source.is_dir() {
        fs::create_dir_all(target).at_path(Step::Bind, target)?;
    } else if !target.exists() {
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).at_path(Step::Bind, parent)?;
        }
        fs::write(target, "").at_path(Step::Bind, target)?;
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(&bind.source), target, NONE, flags, NONE).at_path(Step::Bind, target)?;
    match bind.access {
        BindAccess::ReadOnly => make_read_only(target, Step::Bind),
        BindAccess::ReadWrite => Ok(()),
    }
}

fn make_read_only(path: &Path, step: Step) -> Result<(), SetupFailure> {
    // A user namespace may add restrictions to what the mount has from outside, never lift them.
    let outside = statvfs(path).at_path(step, path)?.flags();
    let kept = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let flags = kept
        .into_iter()
        .filter(|(flag, _)| outside.contains(*flag))
        .fold(
            MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY,
            |flags, (_, kept)| flags | kept,
        );
    mount(NONE, path, NONE, flags, NONE).at_path(step, path)
}

/// Puts a file of the host in the place of the image's, which may be a link to nowhere.
fn copy_host_file(name: &str) -> Result<(), SetupFailure> {
    let target = Path::new("/").join(name);
    // A link on the host leads to the host's root, so it is followed by hand where it is absolute.
    let Some(content) = read_host_file(name) else {
        return Ok(());
    };
    fs::create_dir_all("/etc").at_path(Step::HostFile, "/etc")?;
    let _ = fs::remove_file(&target);
    fs::write(&target, content).at_path(Step::HostFile, &target)
}

fn read_host_file(name: &str) -> Option<Vec<u8>> {
    let mut path = Path::new(HOST).join(name);
    for _ in 0..8 {
        match fs::read_link(&path) {
            Ok(link) if link.is_absolute() => path = below(Path::new(HOST), &link),
            Ok(link) => path = path.parent()?.join(link),
            Err(_) => return fs::read(&path).ok(),
        }
    }
    None
}
