//! Why a store fails, by what there is to do about it.
use crate::ImageError;
use std::fmt;

/// A failed operation of a store: what, on which reference, why.
#[derive(Debug, thiserror::Error)]
#[error("{action} '{reference}'")]
pub struct StoreError {
    /// What was tried: "read manifest of", "upload layer to" …
    pub action: &'static str,
    /// On what.
    pub reference: String,
    /// Why it failed.
    #[source]
    pub kind: StoreErrorKind,
}

/// Why a store failed. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreErrorKind {
    /// There is no such image, blob or repository.
    #[error("not found")]
    NotFound,
    /// Credentials are missing or wrong.
    #[error(
        "the registry does not accept the credentials ({detail}); check CNB_REGISTRY_AUTH or the Docker config"
    )]
    Unauthorized {
        /// The server's words.
        detail: String,
    },
    /// Credentials are good but do not allow this.
    #[error("access is denied ({detail}); the account lacks the right for this repository")]
    Denied {
        /// The server's words.
        detail: String,
    },
    /// An index has no image for the platform, or the image is for another one.
    #[error("no image for {wanted}; it offers {available}")]
    WrongPlatform {
        /// `os/architecture`.
        wanted: String,
        /// Comma-separated list.
        available: String,
    },
    /// Bytes are not what their descriptor says.
    #[error(
        "{what} has {actual} but {expected} was promised; the store or a proxy delivers wrong bytes"
    )]
    Mismatch {
        /// "manifest", "blob" …
        what: &'static str,
        /// Promised digest or size.
        expected: String,
        /// Digest or size of the bytes.
        actual: String,
    },
    /// A document cannot be understood.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The name of the server has no address.
    #[error(
        "cannot find {address}: its name does not resolve ({detail}); check the spelling, and the DNS of this machine"
    )]
    NameResolution {
        /// Host and port.
        address: String,
        /// The resolver's words.
        detail: String,
    },
    /// Nothing listens there.
    #[error(
        "cannot reach {address}: the connection was refused; check host and port, and whether the registry runs"
    )]
    Refused {
        /// Host and port.
        address: String,
    },
    /// The server cannot be reached, or the connection broke.
    #[error("cannot reach {address}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such project: registries shaped as Harbor make repositories on a push, but not projects.
    #[error(
        "there is no project '{project}' ({detail}); have it made before the first push, or check its name"
    )]
    ProjectMissing {
        /// Name of the project.
        project: String,
        /// The server's words.
        detail: String,
    },
    /// The quota of the project is used up (Harbor).
    #[error("the quota is exceeded: {}; free space in the project or have its quota raised", said(quota.as_ref(), detail))]
    QuotaExceeded {
        /// The numbers, where they could be read out of the server's words.
        quota: Option<QuotaWords>,
        /// The server's words.
        detail: String,
    },
    /// The project mirrors another registry.
    #[error(
        "the project only passes on what another registry has ({detail}); push to an ordinary project"
    )]
    ProxyProject {
        /// The server's words.
        detail: String,
    },
    /// The garbage collector has the blob, and uploading it again did not help.
    #[error(
        "the garbage collector of the registry is removing a blob ({detail}); try again when it has run"
    )]
    BeingCollected {
        /// The server's words.
        detail: String,
    },
    /// A manifest or blob is larger than the server takes.
    #[error(
        "the registry, or a proxy before it, takes nothing that large ({detail}); have its limit raised, or make the image smaller"
    )]
    TooLarge {
        /// The server's words.
        detail: String,
    },
    /// A kind of manifest that the server does not take, or that nobody here understands.
    #[error(
        "media type is not supported ({detail}); push the image again as an OCI or Docker image"
    )]
    UnsupportedMediaType {
        /// What type, or the server's words.
        detail: String,
    },
    /// The tag exists and must not change.
    #[error("the tag is immutable ({detail}); choose another tag")]
    ImmutableTag {
        /// The server's words.
        detail: String,
    },
    /// A policy of the registry blocks the image (unsigned, vulnerable, not scanned).
    #[error("a policy of the registry blocks the image ({detail})")]
    PolicyViolation {
        /// The server's words.
        detail: String,
    },
    /// The registry takes no writes at present.
    #[error("the registry is read only ({detail}); try again later")]
    ReadOnly {
        /// The server's words.
        detail: String,
    },
    /// Too many requests, and waiting did not help.
    #[error("the registry limits the rate of requests ({detail}); try again later")]
    RateLimited {
        /// The server's words.
        detail: String,
    },
    /// No trusted connection.
    #[error("no trusted connection to {address}: {problem}; {advice}")]
    Tls {
        /// Host and port.
        address: String,
        /// What is wrong with the certificate or the protocol.
        problem: String,
        /// What to do.
        advice: String,
    },
    /// The server answered with an error.
    #[error("the server answered {status}: {detail}")]
    Server {
        /// HTTP status.
        status: u16,
        /// The server's words.
        detail: String,
    },
    /// References of one write are on several registries.
    #[error("writing to multiple registries is unsupported")]
    MultipleRegistries,
    /// The reference cannot be used with this store.
    #[error("{0}")]
    Unsupported(String),
    /// A local file failed.
    #[error("{action} '{path}'")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What a server said of a quota, in its own roundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaWords {
    /// How much more is needed.
    pub need: String,
    /// How much is in use.
    pub used: String,
    /// How much may be.
    pub limit: String,
}

impl fmt::Display for QuotaWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { need, used, limit } = self;
        // What Harbor says of a project that is over its limit already, before anything is added.
        if need.starts_with("0 ") {
            return write!(f, "{used} are in use, and {limit} may be");
        }
        write!(
            f,
            "{used} of {limit} are in use, and {need} more are needed"
        )
    }
}

fn said(quota: Option<&QuotaWords>, detail: &str) -> String {
    quota.map_or_else(|| detail.to_owned(), QuotaWords::to_string)
}

impl StoreError {
    /// Whether the thing asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind, StoreErrorKind::NotFound)
    }

    /// Whether the same may do later: the store is overloaded, out of order or away.
    pub fn is_temporary(&self) -> bool {
        use StoreErrorKind as K;
        match &self.kind {
            K::RateLimited { .. }
            | K::BeingCollected { .. }
            | K::NameResolution { .. }
            | K::Refused { .. }
            | K::Unreachable { .. } => true,
            K::Server { status, .. } => is_temporary_status(*status),
            K::NotFound
            | K::Unauthorized { .. }
            | K::Denied { .. }
            | K::WrongPlatform { .. }
            | K::Mismatch { .. }
            | K::Image(_)
            | K::ProjectMissing { .. }
            | K::QuotaExceeded { .. }
            | K::ProxyProject { .. }
            | K::TooLarge { .. }
            | K::UnsupportedMediaType { .. }
            | K::ImmutableTag { .. }
            | K::PolicyViolation { .. }
            | K::ReadOnly { .. }
            | K::Tls { .. }
            | K::MultipleRegistries
            | K::Unsupported(_)
            | K::Io { .. } => false,
        }
    }

    /// Whether the thing asked for exists, but for other platforms only.
    pub fn is_wrong_platform(&self) -> bool {
        matches!(self.kind, StoreErrorKind::WrongPlatform { .. })
    }
}

/// Whether an HTTP status says that the same request may do later.
pub fn is_temporary_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}
