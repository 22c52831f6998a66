//! What went wrong with a request, and what it means.
use crate::{
    answer::{self, Answer},
    retry,
    secret::Secret,
    tls::{Distrust, Trust},
};
use oci_client::errors::OciErrorCode;
use reqwest::{StatusCode, Url};
use std::{
    error::Error,
    io,
    time::{Duration, SystemTime},
};
use wharf_image::{StoreErrorKind, store_error::is_temporary_status};

/// Largest part of an error's body that is looked at.
const BODY_LIMIT: usize = 64 << 10;

/// A request that failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There was no answer, or it broke off.
    Connection {
        address: String,
        source: Box<dyn Error + Send + Sync>,
    },
    /// The other side cannot be trusted; trying again is no use.
    Untrusted { address: String, distrust: Distrust },
    /// The server answered with an error.
    Answer(Answer),
    /// Anything that is final.
    Final(StoreErrorKind),
}

impl From<StoreErrorKind> for Failure {
    fn from(kind: StoreErrorKind) -> Self {
        Self::Final(kind)
    }
}

impl Failure {
    /// From an error of the HTTP client, without the query of the address, which may hold signatures.
    pub(crate) fn from_client(error: reqwest::Error, url: &Url, trust: &Trust) -> Self {
        let error = error.without_url();
        let address = address(url);
        match trust.explain(&error) {
            Some(distrust) => Self::Untrusted { address, distrust },
            None => Self::Connection {
                address,
                source: Box::new(error),
            },
        }
    }

    /// The other side was silent for too long.
    pub(crate) fn silent(url: &Url, idle: Duration) -> Self {
        let message = format!("no answer for {} s", idle.as_secs());
        Self::Connection {
            address: address(url),
            source: Box::new(io::Error::new(io::ErrorKind::TimedOut, message)),
        }
    }

    /// A transfer that moved, but not fast enough. It would not be faster the next time.
    pub(crate) fn late(registry: &str, limit: Duration) -> Self {
        let message = format!(
            "the transfer of one blob took longer than {} s",
            limit.as_secs()
        );
        Self::Final(StoreErrorKind::Unreachable {
            address: registry.to_owned(),
            source: Box::new(io::Error::new(io::ErrorKind::TimedOut, message)),
        })
    }

    /// An answer that breaks the protocol.
    pub(crate) fn protocol(status: StatusCode, detail: &str) -> Self {
        Self::Final(StoreErrorKind::Server {
            status: status.as_u16(),
            detail: detail.to_owned(),
        })
    }

    /// Reads the error out of `response`; `secrets` are blotted out of its words.
    pub(crate) async fn from_response(mut response: reqwest::Response, secrets: &[Secret]) -> Self {
        let status = response.status();
        let retry_after = retry::named_wait(response.headers(), SystemTime::now());
        let mut body = Vec::new();
        while body.len() < BODY_LIMIT
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(BODY_LIMIT);
        let (code, words) = answer::parse(&body);
        let words = words.unwrap_or_else(|| {
            let reason = status.canonical_reason().unwrap_or("no reason given");
            reason.to_ascii_lowercase()
        });
        Self::Answer(Answer {
            status: status.as_u16(),
            code,
            detail: answer::clean(&Secret::redact_all(&words, secrets)),
            retry_after,
            lost_upload: false,
        })
    }

    /// The status, when the server answered.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(answer) => Some(answer.status),
            _ => None,
        }
    }

    /// The failure of an upload, where a session that is gone counts as temporary: a new one may do.
    pub(crate) fn or_lost_upload(mut self) -> Self {
        if let Self::Answer(answer) = &mut self {
            let unknown = matches!(
                answer.code,
                Some(OciErrorCode::BlobUploadInvalid | OciErrorCode::BlobUploadUnknown)
            );
            answer.lost_upload = answer.status == 404 || unknown;
        }
        self
    }

    /// Whether the server knows the operation but does not offer it.
    pub(crate) fn is_unsupported(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.code == Some(OciErrorCode::Unsupported))
    }

    /// The failure of a write, where a method that is not allowed means that nothing can be written.
    pub(crate) fn while_writing(self) -> Self {
        match self {
            Self::Answer(Answer {
                status: 405,
                detail,
                ..
            }) => Self::Final(StoreErrorKind::ReadOnly { detail }),
            other => other,
        }
    }

    /// Whether no other way of writing can succeed: the quota is used up, or nothing can be written.
    pub(crate) fn forbids_writing(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.forbids_writing())
    }

    /// Whether a certificate was refused.
    pub(crate) fn blames_certificate(&self) -> bool {
        matches!(self, Self::Untrusted { distrust, .. } if distrust.certificate)
    }

    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Answer(answer) => answer.lost_upload || is_temporary_status(answer.status),
            Self::Untrusted { .. } | Self::Final(_) => false,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer(answer) => answer.retry_after,
            _ => None,
        }
    }

    /// What it means to the caller.
    pub(crate) fn into_kind(self) -> StoreErrorKind {
        match self {
            Self::Connection { address, source } => unreachable(address, source),
            Self::Untrusted { address, distrust } => StoreErrorKind::Tls {
                address,
                problem: distrust.problem,
                advice: distrust.advice,
            },
            Self::Answer(answer) => answer.into_kind(),
            Self::Final(kind) => kind,
        }
    }
}

/// Scheme, host and port; never a path or query.
pub(crate) fn address(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Why there was no connection, by what there is to do about it.
fn unreachable(address: String, source: Box<dyn Error + Send + Sync>) -> StoreErrorKind {
    let mut next: Option<&(dyn Error + 'static)> = Some(&*source);
    while let Some(error) = next {
        let refused = error.downcast_ref::<io::Error>();
        if refused.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            return StoreErrorKind::Refused { address };
        }
        // The type of the connector's error is private; these are its words for a resolver that failed.
        if error.to_string() == "dns error" {
            let detail = error.source().map_or_else(String::new, ToString::to_string);
            return StoreErrorKind::NameResolution { address, detail };
        }
        next = error.source();
    }
    StoreErrorKind::Unreachable { address, source }
}
