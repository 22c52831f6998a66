//! What went wrong with a request, and what it means.
use crate::{
    secret::Secret,
    tls::{Distrust, Trust},
};
use oci_client::errors::{OciEnvelope, OciError, OciErrorCode};
use reqwest::{StatusCode, Url, header::RETRY_AFTER};
use std::{error::Error, io, time::Duration};
use wharf_image::StoreErrorKind;

/// Largest part of an error's body that is looked at.
const BODY_LIMIT: usize = 64 << 10;
/// Longest text taken over from a server.
const DETAIL_LIMIT: usize = 500;

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

/// An error as a server put it.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: Option<OciErrorCode>,
    pub(crate) detail: String,
    pub(crate) retry_after: Option<Duration>,
    /// Whether it ended an upload that can be started anew.
    pub(crate) lost_upload: bool,
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
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        while body.len() < BODY_LIMIT
            && let Ok(Some(chunk)) = response.chunk().await
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(BODY_LIMIT);
        let (code, words) = parse(&body);
        let words = words.unwrap_or_else(|| {
            let reason = status.canonical_reason().unwrap_or("no reason given");
            reason.to_ascii_lowercase()
        });
        Self::Answer(Answer {
            status: status.as_u16(),
            code,
            detail: clean(&Secret::redact_all(&words, secrets)),
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
        let Self::Answer(answer) = self else {
            return false;
        };
        let words = answer.detail.to_ascii_lowercase();
        answer.status == 403 && (is_quota(&words) || is_read_only(&words))
    }

    /// Whether a certificate was refused.
    pub(crate) fn blames_certificate(&self) -> bool {
        matches!(self, Self::Untrusted { distrust, .. } if distrust.certificate)
    }

    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Answer(answer) => {
                answer.lost_upload || matches!(answer.status, 408 | 429 | 500 | 502 | 503 | 504)
            }
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
            Self::Connection { address, source } => StoreErrorKind::Unreachable { address, source },
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

impl Answer {
    fn into_kind(self) -> StoreErrorKind {
        let Self {
            status,
            code,
            mut detail,
            retry_after,
            lost_upload: _,
        } = self;
        let lower = detail.to_ascii_lowercase();
        match status {
            401 => StoreErrorKind::Unauthorized { detail },
            403 if is_quota(&lower) => StoreErrorKind::QuotaExceeded { detail },
            403 if is_read_only(&lower) => StoreErrorKind::ReadOnly { detail },
            403 => StoreErrorKind::Denied { detail },
            404 => StoreErrorKind::NotFound,
            412 if lower.contains("immutable") => StoreErrorKind::ImmutableTag { detail },
            412 if code == Some(OciErrorCode::Other("PROJECTPOLICYVIOLATION".to_owned())) => {
                StoreErrorKind::PolicyViolation { detail }
            }
            429 => {
                if let Some(wait) = retry_after {
                    detail = format!("{detail}, retry after {} s", wait.as_secs());
                }
                StoreErrorKind::RateLimited { detail }
            }
            _ => StoreErrorKind::Server { status, detail },
        }
    }
}

/// Harbor has no code for it; this is what its message has in common over versions.
fn is_quota(words: &str) -> bool {
    words.contains("quota") || (words.contains("storage resource") && words.contains("upper limit"))
}

fn is_read_only(words: &str) -> bool {
    words.contains("read only mode")
}

/// Scheme, host and port; never a path or query.
pub(crate) fn address(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The code of the first error and the words of all.
fn parse(body: &[u8]) -> (Option<OciErrorCode>, Option<String>) {
    let Ok(envelope) = serde_json::from_slice::<OciEnvelope>(body) else {
        let text = String::from_utf8_lossy(body);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty());
        // A page for people says nothing in its first line.
        return (
            None,
            line.filter(|line| !line.starts_with('<'))
                .map(ToOwned::to_owned),
        );
    };
    let words: Vec<_> = envelope.errors.iter().map(describe).collect();
    let code = envelope.errors.into_iter().next().map(|error| error.code);
    (code, (!words.is_empty()).then(|| words.join("; ")))
}

fn describe(error: &OciError) -> String {
    let code = serde_json::to_value(&error.code)
        .ok()
        .and_then(|code| code.as_str().map(ToOwned::to_owned))
        .unwrap_or_default();
    let digest = match &error.detail {
        serde_json::Value::Object(detail) => detail.get("digest").or_else(|| detail.get("Digest")),
        _ => None,
    };
    let mut words = match error.message.trim() {
        "" => code,
        message if code.is_empty() => message.to_owned(),
        message => format!("{code}: {message}"),
    };
    if let Some(digest) = digest.and_then(serde_json::Value::as_str) {
        words = format!("{words} ({digest})");
    }
    words
}

/// One line of bounded length that cannot steer a terminal.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(DETAIL_LIMIT)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> StoreErrorKind {
        let (code, words) = parse(body.as_bytes());
        let answer = Answer {
            status,
            code,
            detail: clean(&words.unwrap_or_default()),
            ..Answer::default()
        };
        answer.into_kind()
    }

    fn error(code: &str, message: &str) -> String {
        serde_json::json!({"errors": [{"code": code, "message": message}]}).to_string()
    }

    #[test]
    fn tells_quota_read_only_and_missing_rights_apart() {
        let quota = error(
            "DENIED",
            "adding 10 MiB of storage resource, which when updated to current usage of 95 MiB will exceed the configured upper limit of 100 MiB.",
        );
        assert!(
            matches!(kind(403, &quota), StoreErrorKind::QuotaExceeded { detail } if detail.contains("100 MiB"))
        );
        let read_only = error(
            "DENIED",
            "The system is in read only mode. Any modification is prohibited.",
        );
        assert!(matches!(
            kind(403, &read_only),
            StoreErrorKind::ReadOnly { .. }
        ));
        let denied = error("DENIED", "requested access to the resource is denied");
        assert!(matches!(kind(403, &denied), StoreErrorKind::Denied { .. }));
    }

    #[test]
    fn tells_immutable_tags_and_policies_apart() {
        let immutable = error(
            "PRECONDITION",
            "Failed to process request due to 'tool/app:latest' configured as immutable.",
        );
        assert!(matches!(
            kind(412, &immutable),
            StoreErrorKind::ImmutableTag { .. }
        ));
        let policy = error(
            "PROJECTPOLICYVIOLATION",
            "current image with 3 vulnerabilities cannot be pulled",
        );
        assert!(matches!(
            kind(412, &policy),
            StoreErrorKind::PolicyViolation { .. }
        ));
        assert!(matches!(
            kind(412, "nginx"),
            StoreErrorKind::Server { status: 412, .. }
        ));
    }

    #[test]
    fn words_of_a_server_are_one_bounded_line() {
        let hostile = error("X", &format!("\u{1b}[2J{}\nsecond", "a".repeat(1000)));
        let StoreErrorKind::Server { detail, .. } = kind(418, &hostile) else {
            panic!("not a server error");
        };
        assert_eq!(detail.chars().count(), DETAIL_LIMIT);
        assert!(!detail.chars().any(char::is_control));
    }

    #[test]
    fn names_the_missing_blob() {
        let body = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":{"digest":"sha256:aa"}}]}"#;
        let StoreErrorKind::Server { detail, .. } = kind(400, body) else {
            panic!("not a server error");
        };
        assert_eq!(
            detail,
            "MANIFEST_BLOB_UNKNOWN: blob unknown to registry (sha256:aa)"
        );
    }
}
