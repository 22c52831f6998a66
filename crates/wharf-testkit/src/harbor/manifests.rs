//! Manifests and tags.
use super::{
    Shared, errors, removal,
    route::Route,
    state::{Artifact, Blob, Content, State, fits, now, project_name},
};
use crate::http::{Request, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeSet, sync::Arc};
use wharf_spec::digest::Digest;

const LIMIT: usize = 4 << 20;
const INDICES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

pub(crate) fn serve(
    shared: &Shared,
    route: &Route,
    reference: &str,
    request: &mut Request,
) -> Response {
    match request.method.as_str() {
        "GET" | "HEAD" => read(shared, route, reference, request),
        "PUT" => put(shared, route, reference, request),
        "DELETE" => removal::delete(shared, route, reference),
        _ => Response::status(405),
    }
}

fn read(shared: &Shared, route: &Route, reference: &str, request: &Request) -> Response {
    let (digest, media_type, content) = {
        let mut state = shared.lock();
        let Some(artifact) = state.artifact(&route.repository, reference) else {
            let what = format!("artifact {}:{reference}", route.repository);
            return errors::not_found(&what);
        };
        let found = (
            artifact.digest,
            artifact.media_type.clone(),
            artifact.content.clone(),
        );
        let project = state.project_of(&route.repository);
        if project.is_some_and(|project| project.blocked.contains(&found.0)) {
            return errors::policy();
        }
        found
    };
    let etag = format!("\"{digest}\"");
    let matches = request.header("if-none-match");
    if matches.is_some_and(|tag| tag == etag || tag == digest.to_string()) {
        return Response::status(304);
    }
    let bytes = content.bytes().unwrap_or_default();
    let response = Response::status(200)
        .header("Content-Type", &media_type)
        .header("Docker-Content-Digest", &digest.to_string())
        .header("Etag", &etag);
    match request.method.as_str() {
        "HEAD" => response.header("Content-Length", &bytes.len().to_string()),
        _ => response.body(bytes.to_vec()),
    }
}

fn put(shared: &Shared, route: &Route, reference: &str, request: &mut Request) -> Response {
    let project = project_name(&route.repository);
    if shared
        .lock()
        .projects
        .get(project)
        .is_some_and(|project| project.proxy)
    {
        return errors::proxy_project(project);
    }
    let content_type = request
        .header("content-type")
        .unwrap_or_default()
        .to_owned();
    let Ok(body) = request.body() else {
        return errors::error(400, "MANIFEST_INVALID", "the manifest cannot be read");
    };
    if body.len() > LIMIT {
        let words = "manifest is larger than 4 MiB";
        return errors::error(413, "REQUEST_ENTITY_TOO_LARGE", words);
    }
    let mut state = shared.lock();
    let pinned = reference.parse::<Digest>();
    if pinned.is_err() && is_immutable(&state, &route.repository, reference) {
        return errors::immutable(&route.repository, reference);
    }
    let Some(artifact) = parse(&body, &content_type) else {
        return errors::error(400, "MANIFEST_INVALID", "unmarshal manifest failed");
    };
    if pinned
        .as_ref()
        .is_ok_and(|pinned| *pinned != artifact.digest)
        || (pinned.is_err() && reference.contains(':'))
    {
        return errors::distribution(400, "DIGEST_INVALID", &json!({}));
    }
    let tag = pinned.is_err().then_some(reference);
    match store(&mut state, &route.repository, artifact, tag) {
        Ok((digest, subject)) => {
            let place = format!("/v2/{}/manifests/{digest}", route.repository);
            let response = Response::status(201)
                .header("Location", &place)
                .header("Docker-Content-Digest", &digest.to_string());
            match subject {
                Some(subject) => response.header("OCI-Subject", &subject.to_string()),
                None => response,
            }
        }
        Err(response) => response,
    }
}

/// Whether a rule protects a tag that exists.
pub(crate) fn is_immutable(state: &State, repository: &str, tag: &str) -> bool {
    let Some((project, name)) = repository.split_once('/') else {
        return false;
    };
    let exists = state
        .repositories
        .get(repository)
        .is_some_and(|repository| repository.tags.contains_key(tag));
    let ruled = state.projects.get(project).is_some_and(|project| {
        let mut rules = project.immutable.iter().flatten();
        rules.any(|(names, tags)| fits(names, name) && fits(tags, tag))
    });
    exists && ruled
}

/// Checks that everything is there and fits, then keeps the manifest.
fn store(
    state: &mut State,
    name: &str,
    mut artifact: Artifact,
    tag: Option<&str>,
) -> Result<(Digest, Option<Digest>), Response> {
    let digest = artifact.digest;
    let own = artifact
        .content
        .bytes()
        .map_or(0, |bytes| bytes.len() as u64);
    let missing = {
        let repository = state.repository(name);
        let blobs = artifact
            .blobs
            .iter()
            .filter(|blob| !repository.links.contains(*blob));
        let children = artifact
            .children
            .iter()
            .filter(|child| !repository.by_digest.contains_key(*child));
        blobs.chain(children).next().copied()
    };
    if let Some(missing) = missing {
        return Err(errors::distribution(
            400,
            "MANIFEST_BLOB_UNKNOWN",
            &json!({"digest": missing}),
        ));
    }
    let parts: BTreeSet<_> = artifact
        .blobs
        .iter()
        .chain(&artifact.children)
        .copied()
        .collect();
    let sizes: Vec<_> = parts
        .iter()
        .map(|part| (*part, state.size_of(*part)))
        .collect();
    artifact.size = own + sizes.iter().map(|(_, size)| size).sum::<u64>();
    if let Some(project) = state.project_of(name)
        && !project.blobs.contains(&digest)
    {
        let new = sizes
            .iter()
            .filter(|(part, _)| !project.blobs.contains(part));
        project.admit(own + new.map(|(_, size)| size).sum::<u64>())?;
    }
    state.blobs.entry(digest).or_insert_with(|| Blob {
        size: own,
        content: artifact.content.clone(),
        deleting: false,
    });
    for (part, _) in sizes {
        state.link(name, part);
    }
    state.link(name, digest);
    let subject = artifact.subject;
    keep(state, name, artifact, tag);
    Ok((digest, subject))
}

pub(crate) fn keep(state: &mut State, name: &str, artifact: Artifact, tag: Option<&str>) {
    let id = state.next_id();
    let digest = artifact.digest;
    let repository = state.repository(name);
    if !repository.by_digest.contains_key(&digest) {
        repository.artifacts.insert(id, artifact);
        repository.by_digest.insert(digest, id);
    }
    if let Some(tag) = tag {
        repository.set_tag(tag, digest);
    }
}

/// A manifest as an artifact; `None` when it is none.
pub(crate) fn parse(body: &[u8], content_type: &str) -> Option<Artifact> {
    let manifest: Value = serde_json::from_slice(body).ok()?;
    let media_type = manifest["mediaType"].as_str().unwrap_or(content_type);
    let digests = |value: &Value| -> Option<Vec<Digest>> {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .map(|entry| entry["digest"].as_str()?.parse().ok())
            .collect()
    };
    let is_index = INDICES.contains(&media_type);
    if !is_index && manifest["config"]["digest"].as_str().is_none() {
        return None;
    }
    let config = match manifest["config"]["digest"].as_str() {
        Some(config) if !is_index => Some(config.parse().ok()?),
        _ => None,
    };
    let layers = digests(&manifest["layers"])?;
    Some(Artifact {
        digest: Digest::from_bytes(Sha256::digest(body).into()),
        content: Content::Held(Arc::new(body.to_vec())),
        media_type: media_type.to_owned(),
        config_media_type: manifest["config"]["mediaType"]
            .as_str()
            .unwrap_or(media_type)
            .to_owned(),
        kind: manifest["artifactType"].as_str().map(str::to_owned),
        size: 0,
        blobs: config.into_iter().chain(layers).collect(),
        config,
        children: if is_index {
            digests(&manifest["manifests"])?
        } else {
            Vec::new()
        },
        subject: manifest["subject"]["digest"]
            .as_str()
            .and_then(|text| text.parse().ok()),
        annotations: manifest["annotations"].clone(),
        pushed: now(),
        tags: Vec::new(),
        labels: BTreeSet::new(),
    })
}

/// `GET /v2/<name>/tags/list`.
pub(crate) fn tags(shared: &Shared, route: &Route, request: &Request) -> Response {
    let state = shared.lock();
    let Some(repository) = state.repositories.get(&route.repository) else {
        return errors::not_found(&format!("repository {}", route.repository));
    };
    let query = request.query();
    let value = |wanted: &str| {
        let mut query = query.iter();
        query
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.clone())
    };
    let after = value("last").unwrap_or_default();
    let limit = value("n").and_then(|n| n.parse::<usize>().ok());
    let mut tags: Vec<_> = repository.tags.keys().filter(|tag| **tag > after).collect();
    let more = limit.is_some_and(|limit| tags.len() > limit);
    tags.truncate(limit.unwrap_or(usize::MAX));
    let document = json!({"name": route.repository, "tags": tags});
    let response = Response::json(200, &document);
    match tags.last().filter(|_| more) {
        Some(last) => {
            let limit = limit.unwrap_or_default();
            let link = format!(
                "</v2/{}/tags/list?n={limit}&last={last}>; rel=\"next\"",
                route.repository
            );
            response.header("Link", &link)
        }
        None => response,
    }
}
