//! `GET /v2/<name>/referrers/<digest>`.
use super::{Shared, errors, route::Route};
use crate::http::{Request, Response};
use serde_json::{Value, json};
use wharf_spec::digest::Digest;

pub(crate) fn serve(shared: &Shared, route: &Route, text: &str, request: &Request) -> Response {
    let Ok(digest) = text.parse::<Digest>() else {
        return errors::error(400, "BAD_REQUEST", "the reference is not a digest");
    };
    let query = request.query();
    let mut filters = query.iter().filter(|(name, _)| name == "artifactType");
    let wanted = filters.next().map(|(_, value)| value.as_str());
    let state = shared.lock();
    let repository = state.repositories.get(&route.repository);
    let artifacts = repository
        .into_iter()
        .flat_map(|one| one.artifacts.values());
    let entries: Vec<Value> = artifacts
        .filter(|artifact| artifact.subject == Some(digest))
        .filter_map(|artifact| {
            let kind = artifact
                .kind
                .clone()
                .unwrap_or_else(|| artifact.config_media_type.clone());
            if wanted.is_some_and(|wanted| wanted != kind) {
                return None;
            }
            let size = state.size_of(artifact.digest);
            Some(json!({
                "mediaType": artifact.media_type, "digest": artifact.digest, "size": size,
                "artifactType": kind, "annotations": artifact.annotations,
            }))
        })
        .collect();
    let document = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries,
    });
    let response = Response::status(200)
        .header("Content-Type", "application/vnd.oci.image.index.v1+json")
        .body(document.to_string());
    match wanted {
        Some(_) => response.header("OCI-Filters-Applied", "artifactType"),
        None => response,
    }
}
