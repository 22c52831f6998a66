//! Uploads: `POST`, then one `PUT`; or `POST`, `PATCH`es and an empty `PUT`; or a mount.
use super::{
    Shared, errors,
    route::Route,
    state::{Blob, Content, State, Upload, project_name},
    traffic::Seen,
};
use crate::http::{Request, Response};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use wharf_spec::digest::Digest;

fn parameter(request: &Request, wanted: &str) -> Option<String> {
    let query = request.query().into_iter();
    query
        .filter(|(name, _)| name == wanted)
        .map(|(_, value)| value)
        .next()
}

/// `POST /v2/<name>/blobs/uploads/`.
pub(crate) fn start(
    shared: &Shared,
    route: &Route,
    request: &mut Request,
    seen: &mut Seen,
) -> Response {
    if request.method != "POST" {
        return Response::status(405);
    }
    if parameter(request, "digest").is_some() {
        let what = "uploads in a single POST are not supported behind Harbor";
        shared.lock().strict.note(request, what);
    }
    request.discard_body().ok();
    let project = project_name(&route.repository).to_owned();
    if shared
        .lock()
        .projects
        .get(&project)
        .is_some_and(|project| project.proxy)
    {
        return errors::proxy_project(&project);
    }
    let from = parameter(request, "from");
    if let Some(mount) = parameter(request, "mount") {
        if from.as_deref().is_some_and(|from| !from.contains('/')) {
            return errors::error(400, "BAD_REQUEST", "invalid repository name");
        }
        return match mount_blob(shared, route, &mount, from.as_deref()) {
            Some(response) => response,
            None => begin(shared, route),
        };
    }
    let admitted = match shared.lock().project_of(&route.repository) {
        Some(project) if shared.options.early_quota => project.admit(0),
        _ => Ok(()),
    };
    seen.bytes_received = 0;
    match admitted {
        Ok(()) => begin(shared, route),
        Err(refused) => refused,
    }
}

fn begin(shared: &Shared, route: &Route) -> Response {
    let mut state = shared.lock();
    let id = state.next_id();
    state.uploads.insert(
        id,
        Upload {
            repository: route.repository.clone(),
            received: Vec::new(),
            step: 0,
            patched: false,
        },
    );
    accepted(shared, route, id, (0, 0))
}

fn location(shared: &Shared, path: &str) -> String {
    match shared.host() {
        Some(host) if !shared.options.relative_locations => format!("http://{host}{path}"),
        _ => path.to_owned(),
    }
}

fn accepted(shared: &Shared, route: &Route, id: u64, (step, length): (u64, usize)) -> Response {
    let path = format!("/v2/{}/blobs/uploads/{id}?_state=s{step}", route.repository);
    Response::status(202)
        .header("Location", &location(shared, &path))
        .header("Range", &format!("0-{}", length.saturating_sub(1)))
        .header("Docker-Upload-UUID", &id.to_string())
}

fn created(shared: &Shared, route: &Route, digest: Digest) -> Response {
    let path = format!("/v2/{}/blobs/{digest}", route.repository);
    Response::status(201)
        .header("Location", &location(shared, &path))
        .header("Docker-Content-Digest", &digest.to_string())
}

/// A mount; `None` when an upload is to start instead.
fn mount_blob(
    shared: &Shared,
    route: &Route,
    digest: &str,
    from: Option<&str>,
) -> Option<Response> {
    let digest: Digest = digest.parse().ok()?;
    let mut state = shared.lock();
    let size = state.blobs.get(&digest).filter(|blob| !blob.deleting)?.size;
    // The quota is asked before anybody looks whether the source has the blob.
    let project = state.project_of(&route.repository)?;
    if !project.blobs.contains(&digest)
        && let Err(refused) = project.admit(size)
    {
        return Some(refused);
    }
    let source = state.repositories.get(from?)?;
    if !source.links.contains(&digest) {
        return None;
    }
    state.link(&route.repository, digest);
    drop(state);
    Some(created(shared, route, digest))
}

/// `/v2/<name>/blobs/uploads/<id>`.
pub(crate) fn serve(
    shared: &Shared,
    (route, id): (&Route, &str),
    request: &mut Request,
    seen: &mut Seen,
) -> Response {
    let Ok(id) = id.parse() else {
        return gone();
    };
    {
        let mut state = shared.lock();
        let known = state.uploads.get(&id).map(|upload| upload.step);
        let Some(step) = known else { return gone() };
        if parameter(request, "_state") != Some(format!("s{step}")) {
            let what = "an old Location is used; each answer has the next one";
            state.strict.note(request, what);
            return errors::distribution(404, "BLOB_UPLOAD_INVALID", &json!({}));
        }
    }
    match request.method.as_str() {
        "GET" => status(shared, route, id),
        "PATCH" => patch(shared, (route, id), request, seen),
        "PUT" => finish(shared, (route, id), request, seen),
        "DELETE" => {
            shared.lock().uploads.remove(&id);
            Response::status(204)
        }
        _ => Response::status(405),
    }
}

fn gone() -> Response {
    errors::distribution(404, "BLOB_UPLOAD_UNKNOWN", &json!({}))
}

fn status(shared: &Shared, route: &Route, id: u64) -> Response {
    let (step, length) = match shared.lock().uploads.get(&id) {
        Some(upload) => (upload.step, upload.received.len()),
        None => return gone(),
    };
    Response {
        status: 204,
        ..accepted(shared, route, id, (step, length))
    }
}

/// No quota is asked here; the order of pieces is.
fn patch(
    shared: &Shared,
    (route, id): (&Route, u64),
    request: &mut Request,
    seen: &mut Seen,
) -> Response {
    let starts_at = starts_at(request);
    let Ok(body) = request.body() else {
        return gone();
    };
    seen.bytes_received = body.len() as u64;
    let mut state = shared.lock();
    let Some(upload) = state.uploads.get_mut(&id) else {
        return gone();
    };
    if starts_at.is_some_and(|start| start != upload.received.len()) {
        return Response::status(416);
    }
    upload.received.extend_from_slice(&body);
    upload.step += 1;
    upload.patched = true;
    let now = (upload.step, upload.received.len());
    drop(state);
    accepted(shared, route, id, now)
}

/// The first byte of a piece.
fn starts_at(request: &Request) -> Option<usize> {
    let range = request.header("content-range")?;
    range.split('-').next()?.trim().parse().ok()
}

fn finish(
    shared: &Shared,
    (route, id): (&Route, u64),
    request: &mut Request,
    seen: &mut Seen,
) -> Response {
    let Some(Ok(digest)) = parameter(request, "digest").map(|text| text.parse::<Digest>()) else {
        return errors::distribution(400, "DIGEST_INVALID", &json!({}));
    };
    let promised = request
        .header("content-length")
        .and_then(|length| length.parse::<u64>().ok())
        .unwrap_or(0);
    let (size, reserved) = match weigh(&mut shared.lock(), (route, id), (digest, promised), request)
    {
        Ok(weighed) => weighed,
        Err(response) => return response,
    };
    let starts_at = starts_at(request);
    let body = request.body();
    let mut state = shared.lock();
    if let Some(project) = state.project_of(&route.repository) {
        project.reserved = project.reserved.saturating_sub(reserved);
    }
    let Ok(body) = body else { return gone() };
    seen.bytes_received = body.len() as u64;
    let received = state.uploads.get(&id).map(|upload| upload.received.len());
    if starts_at.is_some_and(|start| received.is_some_and(|length| start != length)) {
        return Response::status(416);
    }
    let Some(mut upload) = state.uploads.remove(&id) else {
        return gone();
    };
    upload.received.extend_from_slice(&body);
    if Digest::from_bytes(Sha256::digest(&upload.received).into()) != digest {
        return errors::distribution(400, "DIGEST_INVALID", &json!({"digest": digest}));
    }
    state.blobs.entry(digest).or_insert_with(|| Blob {
        // Without a true length nobody told; then the bytes do.
        size: if size == 0 {
            upload.received.len() as u64
        } else {
            size
        },
        content: Content::Held(Arc::new(upload.received)),
        deleting: false,
    });
    state.link(&route.repository, digest);
    drop(state);
    created(shared, route, digest)
}

/// The size of an upload and the room that is set aside for it; refused before its bytes are read when there is none.
fn weigh(
    state: &mut State,
    (route, id): (&Route, u64),
    (digest, promised): (Digest, u64),
    request: &Request,
) -> Result<(u64, u64), Response> {
    if state.blobs.get(&digest).is_some_and(|blob| blob.deleting) {
        return Err(errors::in_gc());
    }
    let upload = state.uploads.get(&id).ok_or_else(gone)?;
    let patched = upload.patched;
    // What Harbor believes: the length of this request, else what was counted before.
    let size = if promised > 0 {
        promised
    } else {
        upload.received.len() as u64
    };
    if patched && promised > 0 {
        let what =
            "the last piece comes in the PUT; Harbor takes its length for the size of the blob";
        state.strict.note(request, what);
    }
    if upload_of_another(state, route, id) {
        return Err(gone());
    }
    let reserved = match state.project_of(&route.repository) {
        Some(project) if size > 0 && !project.blobs.contains(&digest) => {
            project.admit(size)?;
            project.reserved += size;
            size
        }
        _ => 0,
    };
    Ok((size, reserved))
}

fn upload_of_another(state: &State, route: &Route, id: u64) -> bool {
    let upload = state.uploads.get(&id);
    upload.is_none_or(|upload| upload.repository != route.repository)
}
