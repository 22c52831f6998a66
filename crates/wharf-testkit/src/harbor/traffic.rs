//! What was asked: kinds, counts, bytes.
use crate::http::Request;
use std::collections::BTreeMap;

/// Requests kept for tests to look at.
const KEPT: usize = 100_000;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `GET /v2/`.
    Base,
    /// The token service.
    Token,
    /// `HEAD` of a blob.
    HeadBlob,
    /// `GET` of a blob.
    GetBlob,
    /// `POST` that starts an upload.
    StartUpload,
    /// `POST` that mounts a blob.
    Mount,
    /// `PATCH` of an upload.
    Chunk,
    /// `PUT` that ends an upload.
    PutBlob,
    /// `DELETE` of an upload.
    CancelUpload,
    /// `HEAD` of a manifest.
    HeadManifest,
    /// `GET` of a manifest.
    GetManifest,
    /// `PUT` of a manifest.
    PutManifest,
    /// `DELETE` of a manifest.
    DeleteManifest,
    /// Reads of `/api/v2.0`.
    ApiRead,
    /// Writes of `/api/v2.0`.
    ApiWrite,
    /// Anything else.
    Other,
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it was for.
    pub kind: Kind,
    /// `GET`, `PUT` …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Scheme of `Authorization`: `Basic`, `Bearer`, or nothing.
    pub scheme: String,
    /// Bytes of a blob that were taken.
    pub bytes_received: u64,
    /// Bytes of the answer's body.
    pub bytes_sent: u64,
    /// Status of the answer; 0 before it is given.
    pub status: u16,
}

/// All requests so far.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) counts: BTreeMap<Kind, u64>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl Traffic {
    pub(crate) fn note(&mut self, seen: Seen) {
        *self.counts.entry(seen.kind).or_default() += 1;
        self.received += seen.bytes_received;
        self.sent += seen.bytes_sent;
        if self.seen.len() < KEPT {
            self.seen.push(seen);
        }
    }
}

pub(crate) fn look(request: &Request) -> Seen {
    let authorization = request.header("authorization").unwrap_or_default();
    Seen {
        kind: kind(request),
        method: request.method.clone(),
        target: request.target.clone(),
        scheme: authorization
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned(),
        bytes_received: 0,
        bytes_sent: 0,
        status: 0,
    }
}

fn kind(request: &Request) -> Kind {
    let path = request.path();
    let method = request.method.as_str();
    if path.starts_with("/api/") {
        return match method {
            "GET" | "HEAD" => Kind::ApiRead,
            _ => Kind::ApiWrite,
        };
    }
    if path.contains("/blobs/uploads") {
        let mounts = request.query().iter().any(|(name, _)| name == "mount");
        return match method {
            "POST" if mounts => Kind::Mount,
            "POST" => Kind::StartUpload,
            "PATCH" => Kind::Chunk,
            "PUT" => Kind::PutBlob,
            "DELETE" => Kind::CancelUpload,
            _ => Kind::Other,
        };
    }
    match (path, method) {
        ("/v2/" | "/v2", _) => Kind::Base,
        ("/service/token", _) => Kind::Token,
        (_, "HEAD") if path.contains("/blobs/") => Kind::HeadBlob,
        (_, "GET") if path.contains("/blobs/") => Kind::GetBlob,
        (_, "HEAD") if path.contains("/manifests/") => Kind::HeadManifest,
        (_, "GET") if path.contains("/manifests/") => Kind::GetManifest,
        (_, "PUT") if path.contains("/manifests/") => Kind::PutManifest,
        (_, "DELETE") if path.contains("/manifests/") => Kind::DeleteManifest,
        _ => Kind::Other,
    }
}
