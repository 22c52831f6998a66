//! What is told of each request, for whoever wants to see them.
//!
//! An [`Exchange`] has no place for headers, bodies and queries: credentials, cookies, tokens and the signatures of
//! addresses cannot get into it.
use reqwest::{Response, Url, header::HeaderMap};
use std::{fmt, time::Duration};
use wharf_spec::digest::Digest;

/// Longest identifier of a request that is taken over from a server.
const ID_LIMIT: usize = 64;

/// Is told of every request when its answer begins, or when there is none: those to token services, redirected and
/// repeated ones included. Called from threads that do network work; it must not block.
pub trait Observer: fmt::Debug + Send + Sync {
    /// One request.
    fn request(&self, exchange: &Exchange);

    /// An upload that takes long, every [`progress_interval`](crate::RegistryOptions::progress_interval).
    fn progress(&self, progress: &Progress);
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The blob.
    pub digest: Digest,
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes of it.
    pub size: u64,
    /// Since it was begun.
    pub time: Duration,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            digest,
            sent,
            size,
            time,
        } = self;
        let mebibytes = |bytes: u64| bytes >> 20;
        let rate = sent / time.as_secs().max(1);
        write!(
            f,
            "Uploading {digest}: {} of {} MiB, {:.1} MiB/s",
            mebibytes(*sent),
            mebibytes(*size),
            f64::from(u32::try_from(rate >> 10).unwrap_or(u32::MAX)) / 1024.0
        )
    }
}

/// A request and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// `GET`, `PUT` …
    pub method: String,
    /// Scheme, host and port.
    pub address: String,
    /// Path without query.
    pub path: String,
    /// Bytes of the body that were to be sent.
    pub sent: u64,
    /// From the first byte of the request to the head of the answer.
    pub time: Duration,
    /// The answer, if one came.
    pub answer: Option<Head>,
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// HTTP status.
    pub status: u16,
    /// Bytes of its body, where it says how many.
    pub length: Option<u64>,
    /// `X-Request-Id`, by which the server's own log knows it.
    pub request_id: Option<String>,
}

impl Exchange {
    pub(crate) fn new(
        (method, url, sent): (&reqwest::Method, &Url, u64),
        time: Duration,
        answer: Option<&Response>,
    ) -> Self {
        Self {
            method: method.to_string(),
            address: url.origin().ascii_serialization(),
            path: url.path().to_owned(),
            sent,
            time,
            answer: answer.map(|response| Head {
                status: response.status().as_u16(),
                length: response.content_length(),
                request_id: request_id(response.headers()),
            }),
        }
    }
}

/// Identifiers are hexadecimal. What is not could be anything, such as a credential that a server sends back.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("x-request-id")?.to_str().ok()?;
    let is_id = text
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    (is_id && !text.is_empty() && text.len() <= ID_LIMIT).then(|| text.to_owned())
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            address,
            path,
            sent,
            time,
            answer,
        } = self;
        write!(f, "{method} {address}{path}: ")?;
        match answer {
            Some(head) => write!(f, "{}", head.status)?,
            None => f.write_str("no answer")?,
        }
        write!(f, ", {sent} bytes sent")?;
        if let Some(length) = answer.as_ref().and_then(|head| head.length) {
            write!(f, ", {length} received")?;
        }
        write!(f, ", {} ms", time.as_millis())?;
        match answer.as_ref().and_then(|head| head.request_id.as_ref()) {
            Some(id) => write!(f, ", request id {id}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_went_to_and_fro() {
        let url = Url::parse("https://u:p@r.example:8443/v2/a/b/uploads/1?_state=secret").unwrap();
        let mut exchange = Exchange::new(
            (&reqwest::Method::PUT, &url, 10),
            Duration::from_micros(12_900),
            None,
        );
        assert_eq!(
            exchange.to_string(),
            "PUT https://r.example:8443/v2/a/b/uploads/1: no answer, 10 bytes sent, 12 ms"
        );
        exchange.answer = Some(Head {
            status: 201,
            length: Some(0),
            request_id: Some("ab-1".to_owned()),
        });
        assert_eq!(
            exchange.to_string(),
            "PUT https://r.example:8443/v2/a/b/uploads/1: 201, 10 bytes sent, 0 received, 12 ms, request id ab-1"
        );
    }

    #[test]
    fn progress_has_bytes_and_rate() {
        let progress = Progress {
            digest: Digest::from_bytes([1; 32]),
            sent: 120 << 20,
            size: 1 << 30,
            time: Duration::from_secs(10),
        };
        let digest = Digest::from_bytes([1; 32]);
        assert_eq!(
            progress.to_string(),
            format!("Uploading {digest}: 120 of 1024 MiB, 12.0 MiB/s")
        );
    }

    #[test]
    fn identifiers_that_are_none_are_not_taken_over() {
        let id = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", text.parse().unwrap());
            request_id(&headers)
        };
        let uuid = "0f3c9f3e-7d0e-4a6b-9d6e-1c2b3a4d5e6f";
        assert_eq!(id(uuid), Some(uuid.to_owned()));
        assert_eq!(id("Basic dXNlcjpwYXNz"), None);
        assert_eq!(id("correct-horse"), None);
    }
}
