//! Certificates by registry, in directories named like it, as container tools lay them out:
//!
//! ```text
//! <dir>/registry.example:8443/*.crt        authorities to trust there, besides the others
//! <dir>/registry.example:8443/NAME.cert    our own certificate
//! <dir>/registry.example:8443/NAME.key     its key
//! ```
use crate::store::RegistrySetupError;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Certificates of one registry.
#[derive(Debug)]
pub(crate) struct HostCertificates {
    /// `host[:port]`.
    pub(crate) host: String,
    /// Its directory.
    pub(crate) path: PathBuf,
    /// Authorities in PEM.
    pub(crate) authorities: Vec<Vec<u8>>,
    pub(crate) identity: Option<Identity>,
}

/// What we show to a registry that asks.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// Reads the directories of all registries.
pub(crate) fn read(dir: &Path) -> Result<Vec<HostCertificates>, RegistrySetupError> {
    let mut hosts = Vec::new();
    for path in entries(dir)? {
        let host = path.file_name().and_then(|name| name.to_str());
        if let Some(host) = host.filter(|_| path.is_dir()) {
            hosts.push(of_host(host, &path)?);
        }
    }
    Ok(hosts)
}

fn of_host(host: &str, path: &Path) -> Result<HostCertificates, RegistrySetupError> {
    let mut found = HostCertificates {
        host: host.to_owned(),
        path: path.to_owned(),
        authorities: Vec::new(),
        identity: None,
    };
    for file in entries(path)? {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => found.authorities.push(bytes(&file)?),
            Some("cert") => found.identity = Some(identity(&file)?),
            _ => {}
        }
    }
    Ok(found)
}

fn identity(certificate: &Path) -> Result<Identity, RegistrySetupError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(certificate)?).collect();
    let chain = chain.map_err(|error| unusable(certificate, &error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(certificate, "it holds no certificate in PEM"));
    }
    let path = certificate.with_extension("key");
    let key = PrivateKeyDer::from_pem_slice(&bytes(&path)?);
    let key = key.map_err(|error| unusable(&path, &error.to_string()))?;
    Ok(Identity { chain, key })
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, RegistrySetupError> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(dir)?;
        let mut paths: Vec<_> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        paths.sort();
        Ok(paths)
    };
    read().map_err(|error| unusable(dir, &error.to_string()))
}

fn bytes(path: &Path) -> Result<Vec<u8>, RegistrySetupError> {
    fs::read(path).map_err(|error| unusable(path, &error.to_string()))
}

pub(crate) fn unusable(path: &Path, problem: &str) -> RegistrySetupError {
    RegistrySetupError::HostCertificates {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}
