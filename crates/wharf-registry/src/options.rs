//! Everything the edge decides about registries. Nothing here reads the environment.
use crate::{credentials::Credentials, observe::Observer};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

/// Options of a [`crate::RegistryStore`].
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// Accounts by registry.
    pub credentials: Credentials,
    /// Prefixes of image names (`host[:port][/path]`) for which plain http and unverified TLS are fine.
    pub insecure: Vec<String>,
    /// Hosts (`host[:port]`) whose token services get passwords for registries on other hosts.
    pub trusted_realms: Vec<String>,
    /// Certificate authorities.
    pub certificates: TrustedCertificates,
    /// Directory with certificates by registry, as container tools keep them: `host[:port]/*.crt` for authorities,
    /// `*.cert` and `*.key` for what we show.
    pub certs_dir: Option<PathBuf>,
    /// Proxies; never used for insecure registries.
    pub proxies: ProxySettings,
    /// `User-Agent` of every request.
    pub user_agent: String,
    /// Layers uploaded at the same time, over all calling threads.
    pub concurrent_uploads: usize,
    /// Bytes of a blob in one request, where something on the way takes no more. Without it a blob is sent in one piece, which
    /// lets a registry check a quota before the bytes travel.
    pub chunk_size: Option<u64>,
    /// Whether all work is done on the thread that calls, which saves the way to other threads and back. Such a store is
    /// for one thread; what [`ImageStore::open_blob`](wharf_image::ImageStore::open_blob) gives cannot be read with it.
    pub on_caller: bool,
    /// When and how often to try again.
    pub retry: RetryPolicy,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the other side may be silent.
    pub idle_timeout: Duration,
    /// How long one blob may take, however well it moves.
    pub transfer_timeout: Option<Duration>,
    /// How often an upload says how far it is.
    pub progress_interval: Duration,
    /// Is told of every request, and how far uploads are.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            credentials: Credentials::anonymous(),
            insecure: Vec::new(),
            trusted_realms: Vec::new(),
            certificates: TrustedCertificates::default(),
            certs_dir: None,
            proxies: ProxySettings::default(),
            user_agent: concat!("wharf/", env!("CARGO_PKG_VERSION")).to_owned(),
            concurrent_uploads: 4,
            chunk_size: None,
            on_caller: false,
            retry: RetryPolicy::default(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            transfer_timeout: None,
            progress_interval: Duration::from_secs(10),
            observer: None,
        }
    }
}

/// Hosts separated by commas, as in `WHARF_TRUSTED_REALMS`.
pub fn hosts(text: &str) -> Vec<String> {
    let hosts = text.split(',').map(str::trim);
    let hosts = hosts.filter(|host| !host.is_empty());
    hosts.map(ToOwned::to_owned).collect()
}

/// Certificate authorities to trust. Files are read when the first certificate is to be verified.
#[derive(Debug, Clone, Default)]
pub struct TrustedCertificates {
    /// `SSL_CERT_FILE`: used instead of the system's bundle.
    pub file: Option<PathBuf>,
    /// `SSL_CERT_DIR`, split at `:`: used instead of the system's directories.
    pub directories: Option<Vec<PathBuf>>,
    /// Further certificates in PEM.
    pub extra_pem: Vec<Vec<u8>>,
}

/// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. Debug output hides the addresses, which may carry a password.
#[derive(Clone, Default)]
pub struct ProxySettings {
    /// Proxy for http.
    pub http: Option<String>,
    /// Proxy for https.
    pub https: Option<String>,
    /// Comma-separated hosts, domains and networks that are reached directly; loopback always is.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("http", &self.http.as_ref().map(|_| "***"))
            .field("https", &self.https.as_ref().map(|_| "***"))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// When to try again: after 408, 429, 500, 502, 503, 504 and broken connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Wait before the second attempt; doubled for each further one, with jitter.
    pub first_wait: Duration,
    /// Longest wait, `Retry-After` included.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_mins(1),
        }
    }
}
