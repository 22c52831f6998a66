//! Why a call fails.
use wharf_image::StoreErrorKind;
use wharf_registry::ApiFailure;

/// A failed call of Harbor's API.
#[derive(Debug, thiserror::Error)]
#[error("{action} '{subject}' at '{registry}'")]
pub struct HarborError {
    /// What was tried: "read project", "delete artifact" …
    pub action: &'static str,
    /// On what.
    pub subject: String,
    /// `host[:port]`.
    pub registry: String,
    /// Why it failed.
    #[source]
    pub kind: HarborErrorKind,
}

/// Why a call failed. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum HarborErrorKind {
    /// What answers is not Harbor, or a Harbor without this call.
    #[error("it does not offer Harbor's API for this; name a Harbor, or do without")]
    NotOffered,
    /// There is no such thing.
    #[error("not found ({detail})")]
    NotFound {
        /// The server's words.
        detail: String,
    },
    /// Credentials are missing or wrong, or are a token the API does not take.
    #[error("Harbor does not accept the credentials ({detail}); its API takes user and password")]
    Unauthorized {
        /// The server's words.
        detail: String,
    },
    /// The account lacks the right.
    #[error("the account lacks the right ({detail}); give the robot the permission for it")]
    Forbidden {
        /// The server's words.
        detail: String,
    },
    /// A rule or another artifact stands in the way.
    #[error("a rule or another artifact stands in the way ({detail})")]
    Precondition {
        /// The server's words.
        detail: String,
    },
    /// It is there already.
    #[error("it exists already ({detail})")]
    Conflict {
        /// The server's words.
        detail: String,
    },
    /// Another error of the server.
    #[error("Harbor answered {status}: {detail}")]
    Server {
        /// HTTP status.
        status: u16,
        /// The server's words.
        detail: String,
    },
    /// The answer is not what the API promises.
    #[error("Harbor's answer cannot be understood ({reason})")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// Harbor cannot be reached.
    #[error(transparent)]
    Store(StoreErrorKind),
}

impl HarborErrorKind {
    pub(crate) fn from_api(failure: ApiFailure) -> Self {
        match failure {
            ApiFailure::Store(kind) => Self::Store(kind),
            ApiFailure::Refused {
                status,
                detail,
                is_json,
            } => match status {
                404 | 405 if !is_json => Self::NotOffered,
                401 => Self::Unauthorized { detail },
                403 => Self::Forbidden { detail },
                404 => Self::NotFound { detail },
                409 => Self::Conflict { detail },
                412 => Self::Precondition { detail },
                _ => Self::Server { status, detail },
            },
        }
    }

    pub(crate) fn malformed(error: &serde_json::Error) -> Self {
        Self::Malformed {
            reason: error.to_string(),
        }
    }
}

/// A fact, or the reason why it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// It is known.
    Yes(T),
    /// It is not; a text for people.
    No(String),
}

impl<T> Known<T> {
    /// The fact.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Yes(value) => Some(value),
            Self::No(_) => None,
        }
    }
}

/// A result where missing rights, and nothing else, make the fact unknown.
pub(crate) fn unless_forbidden<T>(result: Result<T, HarborError>) -> Result<Known<T>, HarborError> {
    match result {
        Ok(value) => Ok(Known::Yes(value)),
        Err(HarborError {
            kind: kind @ (HarborErrorKind::Unauthorized { .. } | HarborErrorKind::Forbidden { .. }),
            ..
        }) => Ok(Known::No(kind.to_string())),
        Err(error) => Err(error),
    }
}
