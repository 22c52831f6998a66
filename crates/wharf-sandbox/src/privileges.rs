//! Giving up what the creator of a user namespace has inside it.
use crate::error::{At, SetupFailure, Step};
use nix::sys::{
    prctl,
    stat::{Mode, umask},
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities,
};

/// Drops every capability for good and sets `no_new_privs`.
pub(crate) fn drop_all() -> Result<(), SetupFailure> {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    // Bits the kernel does not know answer EINVAL.
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        match remove_capability_from_bounding_set(capability) {
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error).at(Step::DropPrivileges),
        }
    }
    clear_ambient_capability_set().at(Step::DropPrivileges)?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).at(Step::DropPrivileges)?;
    prctl::set_no_new_privs().at(Step::DropPrivileges)
}
