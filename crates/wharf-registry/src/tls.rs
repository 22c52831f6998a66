//! Certificate authorities, and what to say when a connection is not trusted.
use crate::{options::TrustedCertificates, store::RegistrySetupError};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use std::{
    collections::HashSet,
    error::Error,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where distributions keep their bundle; the first that is there counts.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
const DIRECTORIES: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];
const FILE_LIMIT: u64 = 16 << 20;
const DIRECTORY_LIMIT: usize = 4096;

/// The authorities of a run.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    roots: Arc<RootCertStore>,
    /// Why there may be too few of them; part of the advice when a certificate is refused.
    note: Option<String>,
}

/// Why a connection is not trusted.
#[derive(Debug)]
pub(crate) struct Distrust {
    /// What is wrong.
    pub(crate) problem: String,
    /// What to do.
    pub(crate) advice: String,
    /// Whether the certificate, not the protocol, is the fault: then plain http is no way out.
    pub(crate) certificate: bool,
}

impl Trust {
    pub(crate) fn load(certificates: &TrustedCertificates) -> Result<Self, RegistrySetupError> {
        let mut found = HashSet::new();
        let mut note = None;
        if let Some(path) = &certificates.file {
            match read_limited(path) {
                Ok(pem) => found.extend(parse(&pem)),
                Err(error) => note = Some(format!("cannot read '{}': {error}", path.display())),
            }
        } else if let Some(pem) = BUNDLES
            .iter()
            .find_map(|path| read_limited(path.as_ref()).ok())
        {
            found.extend(parse(&pem));
        }
        let defaults = || DIRECTORIES.iter().map(PathBuf::from).collect();
        for directory in certificates.directories.clone().unwrap_or_else(defaults) {
            for pem in directory_files(&directory) {
                found.extend(parse(&pem));
            }
        }
        for (index, pem) in certificates.extra_pem.iter().enumerate() {
            let before = found.len();
            found.extend(parse(pem));
            if found.len() == before && parse(pem).next().is_none() {
                return Err(RegistrySetupError::Certificate { index });
            }
        }
        if found.is_empty() && note.is_none() {
            note = Some("no certificate authorities were found on this system".to_owned());
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found);
        Ok(Self {
            roots: Arc::new(roots),
            note,
        })
    }

    /// Verifies names and chains.
    pub(crate) fn verifying(&self) -> Result<ClientConfig, rustls::Error> {
        Ok(ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth())
    }

    /// What is wrong and what to do when `error` comes from TLS.
    pub(crate) fn explain(&self, error: &(dyn Error + 'static)) -> Option<Distrust> {
        let error = find_tls_error(error)?;
        let add_authority = "add the authority's certificate with SSL_CERT_FILE, or name the registry in CNB_INSECURE_REGISTRIES";
        let (problem, advice) = match error {
            rustls::Error::InvalidCertificate(problem) => match problem {
                CertificateError::UnknownIssuer => (
                    "its certificate is signed by an unknown authority".to_owned(),
                    add_authority,
                ),
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                    "its certificate has expired".to_owned(),
                    "renew it, and check the clock of this machine",
                ),
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                    "its certificate is not valid yet".to_owned(),
                    "check the clock of this machine",
                ),
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => (
                    "its certificate is for another host name".to_owned(),
                    "use the name in the certificate, or have the certificate made for this name",
                ),
                other => (
                    format!("its certificate is refused: {other}"),
                    add_authority,
                ),
            },
            rustls::Error::InvalidMessage(_) => (
                "it does not speak TLS".to_owned(),
                "if it is a registry on plain http, name it in CNB_INSECURE_REGISTRIES",
            ),
            other => (
                other.to_string(),
                "check which TLS versions the server offers",
            ),
        };
        Some(Distrust {
            problem,
            advice: match &self.note {
                Some(note) => format!("{advice} ({note})"),
                None => advice.to_owned(),
            },
            certificate: matches!(error, rustls::Error::InvalidCertificate(_)),
        })
    }
}

/// The error of rustls in a chain; `io::Error` hides it one level deeper than `source` shows.
fn find_tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        if let Some(inner) = current
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            let inner: &'a (dyn Error + 'static) = inner;
            if let Some(found) = find_tls_error(inner) {
                return Some(found);
            }
        }
        next = current.source();
    }
    None
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    File::open(path)?.take(FILE_LIMIT).read_to_end(&mut pem)?;
    Ok(pem)
}

fn parse(pem: &[u8]) -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok)
}

fn directory_files(directory: &Path) -> impl Iterator<Item = Vec<u8>> {
    std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .take(DIRECTORY_LIMIT)
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            path.is_file().then(|| read_limited(&path).ok()).flatten()
        })
}

/// TLS without knowing with whom, for registries the platform calls insecure.
pub(crate) fn unverified() -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider())))
        .with_no_client_auth())
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
