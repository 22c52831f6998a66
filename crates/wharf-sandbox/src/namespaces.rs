//! Namespaces, the map of ids, and lives that hang on one another.
use crate::{
    error::{At, SandboxError, SetupFailure, Step},
    sandbox::{Network, User},
};
use nix::{
    sched::{CloneFlags, unshare},
    sys::{prctl, signal::Signal},
    unistd::{Pid, getegid, geteuid, getppid},
};
use std::{fs, io};

/// Has the kernel kill this process when the process `parent`, which must be the parent, ends.
pub fn die_with_parent(parent: u32) -> Result<(), SandboxError> {
    let parent = i32::try_from(parent).unwrap_or_default();
    Ok(die_with(Pid::from_raw(parent))?)
}

pub(crate) fn die_with(parent: Pid) -> Result<(), SetupFailure> {
    die_with_creator()?;
    // The parent may have ended before the request was made.
    if getppid() == parent {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(nix::libc::ESRCH)).at(Step::DieWithParent)
    }
}

/// Like [`die_with`] where the parent has no number in this process namespace.
pub(crate) fn die_with_creator() -> Result<(), SetupFailure> {
    prctl::set_pdeathsig(Signal::SIGKILL).at(Step::DieWithParent)
}

/// Makes all namespaces and maps the caller's ids to `user`.
pub(crate) fn unshare_all(user: User, network: Network) -> Result<(), SetupFailure> {
    // Must be read before: inside, they have no name until they are mapped.
    let (uid, gid) = (geteuid(), getegid());
    let mut flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if network == Network::None {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    unshare(flags).at(Step::Unshare)?;
    let write = |path: &str, text: String| fs::write(path, text).at_path(Step::MapIds, path);
    // The kernel asks for it: else a process could leave a group that is denied access.
    write("/proc/self/setgroups", "deny".into())?;
    write("/proc/self/uid_map", format!("{} {uid} 1\n", user.uid))?;
    write("/proc/self/gid_map", format!("{} {gid} 1\n", user.gid))
}
