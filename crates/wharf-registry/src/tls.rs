//! Certificate authorities, and what to say when a connection is not trusted.
use crate::{certs_dir::Identity, options::TrustedCertificates, store::RegistrySetupError};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use std::{
    collections::HashSet,
    error::Error,
    fs::File,
    io::{self, Read},
    path::{Component, Path, PathBuf},
    sync::{Arc, OnceLock},
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

/// The authorities of a run. The system's are read when the first certificate is to be verified: there are hundreds of
/// files, and a registry without TLS needs none.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    certificates: TrustedCertificates,
    extra: Vec<CertificateDer<'static>>,
    loaded: OnceLock<Authorities>,
}

/// The authorities as read.
#[derive(Debug)]
struct Authorities {
    /// None when no authority is known: then nothing can be verified.
    verifier: Option<Arc<WebPkiServerVerifier>>,
    /// How many there are.
    count: usize,
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

impl Shared {
    fn authorities(&self) -> &Authorities {
        self.loaded.get_or_init(|| {
            let (roots, note) = read_authorities(&self.certificates, &self.extra);
            let count = roots.len();
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
            Authorities {
                verifier: verifier.ok(),
                count,
                note,
            }
        })
    }
}

impl Trust {
    /// Further certificates are judged now, files of the system are read when they are needed.
    pub(crate) fn new(certificates: &TrustedCertificates) -> Result<Self, RegistrySetupError> {
        let mut extra = Vec::new();
        for (index, pem) in certificates.extra_pem.iter().enumerate() {
            let before = extra.len();
            extra.extend(parse(pem));
            if extra.len() == before {
                return Err(RegistrySetupError::Certificate { index });
            }
        }
        Ok(Self {
            shared: Arc::new(Shared {
                certificates: certificates.clone(),
                extra,
                loaded: OnceLock::new(),
            }),
        })
    }

    /// Verifies names and chains, and shows `identity` to who asks.
    pub(crate) fn verifying(
        &self,
        identity: Option<Identity>,
    ) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier {
                authorities: Some(self.shared.clone()),
                provider: provider(),
            }));
        match identity {
            Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key),
            None => Ok(builder.with_no_client_auth()),
        }
    }

    /// What is wrong and what to do when `error` comes from TLS.
    pub(crate) fn explain(&self, error: &(dyn Error + 'static)) -> Option<Distrust> {
        let error = find_tls_error(error)?;
        let add_authority = "add the authority's certificate with SSL_CERT_FILE, or name the registry in CNB_INSECURE_REGISTRIES";
        let (problem, advice) = match error {
            rustls::Error::InvalidCertificate(problem) => match problem {
                CertificateError::UnknownIssuer => (
                    format!(
                        "its certificate is signed by none of the {} authorities that are trusted here",
                        self.shared.authorities().count
                    ),
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
            rustls::Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnknownCA,
            ) => (
                "it wants a certificate of ours that it trusts".to_owned(),
                "put one into the directory of this registry in WHARF_CERTS_DIR",
            ),
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
            advice: match self.shared.loaded.get().and_then(|it| it.note.as_ref()) {
                Some(note) => format!("{advice} ({note})"),
                None => advice.to_owned(),
            },
            certificate: matches!(
                error,
                rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_)
            ),
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

/// The system's authorities and `extra` ones, and why they may be too few.
fn read_authorities(
    certificates: &TrustedCertificates,
    extra: &[CertificateDer<'static>],
) -> (RootCertStore, Option<String>) {
    let mut found: HashSet<_> = extra.iter().cloned().collect();
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
    let directories = certificates.directories.clone();
    for directory in directories.unwrap_or_else(defaults) {
        for pem in directory_files(&directory) {
            found.extend(parse(&pem));
        }
    }
    if found.is_empty() && note.is_none() {
        note = Some("no certificate authorities were found on this system".to_owned());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found);
    (roots, note)
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len().min(FILE_LIMIT);
    // One byte more, so that the end is seen without growing.
    let mut pem = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(FILE_LIMIT).read_to_end(&mut pem)?;
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
            let wanted = !is_alias(&path) && path.is_file();
            wanted.then(|| read_limited(&path).ok()).flatten()
        })
}

/// Whether `path` is another name of a file beside it: directories of authorities have one by hash for each.
fn is_alias(path: &Path) -> bool {
    std::fs::read_link(path).is_ok_and(|target| {
        let mut parts = target.components();
        matches!(
            (parts.next(), parts.next()),
            (Some(Component::Normal(_)), None)
        )
    })
}

/// TLS without knowing with whom, for registries the platform calls insecure.
pub(crate) fn unverified() -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier {
            authorities: None,
            provider: provider(),
        }))
        .with_no_client_auth())
}

/// Verifies by the authorities of a run; without any, takes every certificate.
#[derive(Debug)]
struct Verifier {
    authorities: Option<Arc<Shared>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(shared) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        let Some(verifier) = &shared.authorities().verifier else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
