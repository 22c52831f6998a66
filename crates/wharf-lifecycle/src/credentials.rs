//! Where credentials are looked for.
use crate::{environment::Environment, flags::ValueError};
use nix::unistd::{User, geteuid};
use std::path::PathBuf;
use wharf_registry::{Credentials, Keychain, KeychainError};
use wharf_spec::{env_var, reference::Reference};

/// Credentials that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A variable is not text.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A source cannot be read.
    #[error(transparent)]
    Keychain(#[from] KeychainError),
}

/// Looks up the accounts of all registries of `references`, once.
pub(crate) fn resolve(
    environment: &Environment,
    references: &[Reference],
) -> Result<Credentials, CredentialsError> {
    let variable = environment.text(env_var::REGISTRY_AUTH)?;
    let mut keychain = Keychain::from_parts(variable, &config_paths(environment))?;
    if let Some(path) = environment.value("PATH") {
        keychain = keychain.with_helper_path(path);
    }
    Ok(keychain.resolve(references)?)
}

/// Docker's config, then the files of podman and its relatives.
fn config_paths(environment: &Environment) -> Vec<PathBuf> {
    let path = |name: &str| environment.value(name).map(PathBuf::from);
    let home = || {
        path("HOME").or_else(|| {
            let user = User::from_uid(geteuid()).ok().flatten()?;
            Some(user.dir)
        })
    };
    let docker = path("DOCKER_CONFIG").or_else(|| home().map(|home| home.join(".docker")));
    let podman = path("REGISTRY_AUTH_FILE")
        .or_else(|| path("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json")));
    docker.into_iter().chain(podman).collect()
}
