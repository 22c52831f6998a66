//! Blobs: read, remove.
use super::{Shared, errors, route::Route, state::Content};
use crate::http::{Request, Response};
use serde_json::json;
use wharf_spec::digest::Digest;

pub(crate) fn serve(shared: &Shared, route: &Route, text: &str, request: &Request) -> Response {
    let Ok(digest) = text.parse::<Digest>() else {
        return errors::distribution(400, "DIGEST_INVALID", &json!({}));
    };
    match request.method.as_str() {
        "HEAD" => head(shared, route, digest),
        "GET" => get(shared, route, digest, request),
        "DELETE" => delete(shared, route, digest),
        _ => Response::status(405),
    }
}

fn unknown(digest: Digest) -> Response {
    errors::distribution(404, "BLOB_UNKNOWN", &json!({"digest": digest}))
}

/// Harbor's own table first, then the repository behind it.
fn head(shared: &Shared, route: &Route, digest: Digest) -> Response {
    let state = shared.lock();
    let Some(blob) = state.blobs.get(&digest) else {
        return errors::not_found(&format!("blob {digest}"));
    };
    if blob.deleting {
        return errors::in_gc();
    }
    let repository = state.repositories.get(&route.repository);
    if repository.is_none_or(|repository| !repository.links.contains(&digest)) {
        return unknown(digest);
    }
    // The registry behind knows the bytes; Harbor's table may believe in another size.
    let size = match &blob.content {
        Content::Held(bytes) => bytes.len() as u64,
        Content::Made { .. } | Content::Absent => blob.size,
    };
    described(200, digest).header("Content-Length", &size.to_string())
}

fn described(status: u16, digest: Digest) -> Response {
    Response::status(status)
        .header("Docker-Content-Digest", &digest.to_string())
        .header("Content-Type", "application/octet-stream")
        .header("Accept-Ranges", "bytes")
}

fn get(shared: &Shared, route: &Route, digest: Digest, request: &Request) -> Response {
    let content = {
        let state = shared.lock();
        let repository = state.repositories.get(&route.repository);
        let linked = repository.is_some_and(|repository| repository.links.contains(&digest));
        state
            .blobs
            .get(&digest)
            .filter(|_| linked)
            .map(|blob| blob.content.clone())
    };
    let Some(bytes) = content.and_then(|content| content.bytes()) else {
        return unknown(digest);
    };
    let Some(range) = request.header("range") else {
        return described(200, digest).body(bytes.to_vec());
    };
    let Some((from, to)) = parse_range(range, bytes.len()) else {
        let size = format!("bytes */{}", bytes.len());
        return Response::status(416).header("Content-Range", &size);
    };
    let place = format!("bytes {from}-{to}/{}", bytes.len());
    described(206, digest)
        .header("Content-Range", &place)
        .body(&bytes[from..=to])
}

/// First and last byte of `bytes=a-b`, `bytes=a-` or `bytes=-n` in `length` bytes.
fn parse_range(range: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let last = length.checked_sub(1)?;
    let (from, to) = match (from.trim(), to.trim()) {
        ("", count) => (length.saturating_sub(count.parse().ok()?), last),
        (from, "") => (from.parse().ok()?, last),
        (from, to) => (from.parse().ok()?, to.parse::<usize>().ok()?.min(last)),
    };
    (from <= to && from < length).then_some((from, to))
}

/// Only the link of this repository goes.
fn delete(shared: &Shared, route: &Route, digest: Digest) -> Response {
    let mut state = shared.lock();
    let repository = state.repositories.get_mut(&route.repository);
    if repository.is_some_and(|repository| repository.links.remove(&digest)) {
        return Response::status(202);
    }
    unknown(digest)
}
