//! Credentials first, then ownership, then the user: what only the first moments of a process may do.
//!
//! [`prepare`] is the only way to a [`Prepared`], and phases take nothing else, so none runs before.
use crate::{
    credentials::{self, CredentialsError},
    environment::Environment,
    inputs::Ids,
    ownership::{self, OwnershipError},
    phase::Phase,
};
use nix::{
    errno::Errno,
    sys::prctl,
    unistd::{Gid, Uid, User, getegid, geteuid, setgroups, setresgid, setresuid},
};
use std::path::PathBuf;
use wharf_layer::Owner;
use wharf_registry::Credentials;
use wharf_spec::reference::Reference;

/// What to prepare for.
#[derive(Debug)]
pub(crate) struct Demand {
    pub(crate) phase: Phase,
    pub(crate) ids: Ids,
    /// Images whose registries may ask for credentials.
    pub(crate) references: Vec<Reference>,
    /// Directories the user must be able to write.
    pub(crate) directories: Vec<PathBuf>,
}

/// Inputs of a phase in a process that is ready for it.
#[derive(Debug)]
pub(crate) struct Prepared<I> {
    pub(crate) inputs: I,
    pub(crate) environment: Environment,
    pub(crate) credentials: Credentials,
    /// Who owns what the phase puts into layers.
    pub(crate) owner: Owner,
    pub(crate) warnings: Vec<String>,
    _made_here: (),
}

/// Why a process cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// Buildpacks must not run as root.
    #[error("refusing to run as root; run this phase as the user of the build image")]
    Root,
    /// Credentials cannot be read.
    #[error("resolve keychain")]
    Credentials(#[from] CredentialsError),
    /// A directory cannot be handed to the user.
    #[error("chown volumes")]
    Ownership(#[from] OwnershipError),
    /// The process cannot become the user.
    #[error("exec as user {uid}:{gid}: {step}")]
    Drop {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
        /// The call that failed.
        step: &'static str,
        /// Why.
        #[source]
        source: Errno,
    },
    /// The process cannot be shielded from the buildpacks it runs.
    #[error("shield this process from buildpacks")]
    Shield(#[source] Errno),
}

/// Reads credentials, hands directories over and becomes the user of the build image.
pub(crate) fn prepare<I>(
    inputs: I,
    demand: &Demand,
    mut environment: Environment,
) -> Result<Prepared<I>, PrivilegeError> {
    let is_root = geteuid().is_root();
    if is_root && matches!(demand.phase, Phase::Detect | Phase::Build) {
        return Err(PrivilegeError::Root);
    }
    let credentials = match demand.references.as_slice() {
        [] => Credentials::anonymous(),
        references => credentials::resolve(&environment, references)?,
    };
    let owner = owner(is_root, demand.ids);
    let mut warnings = Vec::new();
    if is_root {
        if demand.ids.uid.is_none() {
            warnings.push(format!(
                "neither -uid nor CNB_USER_ID is set: the {} goes on as root, and root owns the layers",
                demand.phase
            ));
        }
        for directory in &demand.directories {
            ownership::hand_over(directory, owner)?;
        }
        become_user(owner)?;
        if demand.phase == Phase::Create {
            set_home(&mut environment, owner.uid);
        }
    }
    if demand.phase.runs_buildpacks() {
        shield()?;
    }
    Ok(Prepared {
        inputs,
        environment,
        credentials,
        owner,
        warnings,
        _made_here: (),
    })
}

/// As root, what was not given is root's; otherwise it is ours.
fn owner(is_root: bool, ids: Ids) -> Owner {
    let own = |own: u32| if is_root { 0 } else { own };
    Owner {
        uid: ids.uid.unwrap_or_else(|| own(geteuid().as_raw())),
        gid: ids.gid.unwrap_or_else(|| own(getegid().as_raw())),
    }
}

/// Groups go first: afterwards nobody may change them. The calls of the C library act on every thread, but there is
/// only one yet.
fn become_user(owner: Owner) -> Result<(), PrivilegeError> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    if uid.is_root() && gid.as_raw() == getegid().as_raw() {
        return Ok(());
    }
    let failed = |step| {
        move |source| PrivilegeError::Drop {
            uid: owner.uid,
            gid: owner.gid,
            step,
            source,
        }
    };
    setgroups(&[gid]).map_err(failed("set groups"))?;
    setresgid(gid, gid, gid).map_err(failed("set group"))?;
    setresuid(uid, uid, uid).map_err(failed("set user"))
}

/// Programs write into `$HOME`, which is root's so far. A user without an entry in `/etc/passwd` has none.
fn set_home(environment: &mut Environment, uid: u32) {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => {
            environment.set("HOME", user.dir);
            environment.set("USER", user.name);
        }
        Ok(None) | Err(_) => environment.set("HOME", "/"),
    }
}

/// Buildpacks are strangers with our user id: they gain no privileges, and memory and environment of this process are
/// not theirs to read.
fn shield() -> Result<(), PrivilegeError> {
    prctl::set_no_new_privs().map_err(PrivilegeError::Shield)?;
    prctl::set_dumpable(false).map_err(PrivilegeError::Shield)
}
