//! The variables of the program.
use std::{env, ffi::OsString, os::unix::ffi::OsStrExt};

/// Replaces every variable of this process, which must have a single thread. What cannot be a variable is left out.
#[expect(
    unsafe_code,
    reason = "variables are shared by all threads of a process"
)]
pub(crate) fn replace(variables: &[(OsString, OsString)]) {
    for (name, _) in env::vars_os() {
        // SAFETY: called in the child of a process with one thread, so no other thread reads variables.
        unsafe { env::remove_var(name) };
    }
    for (name, value) in variables.iter().filter(|variable| is_legal(variable)) {
        // SAFETY: as above; and the name is one that `set_var` takes.
        unsafe { env::set_var(name, value) };
    }
}

fn is_legal((name, value): &(OsString, OsString)) -> bool {
    let (name, value) = (name.as_bytes(), value.as_bytes());
    !name.is_empty() && !name.contains(&b'=') && !name.contains(&0) && !value.contains(&0)
}
