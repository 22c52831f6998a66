//! The one place that reads the environment of the process.
use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

/// The value of a variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// As [`variable`], if it is text.
pub(crate) fn text(name: &str) -> Option<String> {
    variable(name).and_then(|value| value.into_string().ok())
}

/// Where files are kept that can be made again: `$XDG_CACHE_HOME/wharf`, else `~/.cache/wharf`.
pub(crate) fn cache_home() -> Option<PathBuf> {
    variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")))
        .map(|path| path.join("wharf"))
}

/// Docker's and podman's config files, in the order they are asked.
pub(crate) fn registry_configs() -> Vec<PathBuf> {
    let home = variable("HOME").map(PathBuf::from);
    let docker = variable("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| Some(home.as_ref()?.join(".docker")));
    let podman = variable("REGISTRY_AUTH_FILE")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("XDG_RUNTIME_DIR")?).join("containers/auth.json")));
    docker.into_iter().chain(podman).collect()
}

/// Proxy variables, as they are set, in both spellings.
pub(crate) fn proxies() -> Vec<(&'static str, String)> {
    const NAMES: [&str; 6] = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
    ];
    let set = |name: &'static str| Some((name, text(name)?));
    NAMES.into_iter().filter_map(set).collect()
}

/// The first of two spellings that is set.
pub(crate) fn either(upper: &str, lower: &str) -> Option<String> {
    text(upper).or_else(|| text(lower))
}

/// The bundle of certificate authorities of this machine.
pub(crate) fn certificate_bundle() -> Option<PathBuf> {
    const BUNDLES: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    variable("SSL_CERT_FILE")
        .map(PathBuf::from)
        .into_iter()
        .chain(BUNDLES.into_iter().map(PathBuf::from))
        .find(|path| path.is_file())
}

/// A list of directories in one variable.
pub(crate) fn directories(list: &OsStr) -> Vec<PathBuf> {
    env::split_paths(list).collect()
}
