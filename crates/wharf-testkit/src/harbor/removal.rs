//! Manifests that go, and what they free.
use super::{
    Shared, errors,
    manifests::is_immutable,
    route::Route,
    state::{Artifact, State, project_name},
};
use crate::http::Response;
use std::collections::BTreeSet;
use wharf_spec::digest::Digest;

pub(crate) fn delete(shared: &Shared, route: &Route, reference: &str) -> Response {
    let Ok(digest) = reference.parse() else {
        let words = "the operation is unsupported; delete by digest";
        return errors::error(400, "UNSUPPORTED", words);
    };
    match remove(&mut shared.lock(), &route.repository, digest) {
        Ok(()) => Response::status(202),
        Err(response) => response,
    }
}

/// Removes an artifact with its tags, what refers to it, and its untagged entries; what nobody else in the project
/// uses counts no more.
pub(crate) fn remove(state: &mut State, name: &str, digest: Digest) -> Result<(), Response> {
    let Some(artifact) = state.artifact(name, &digest.to_string()).cloned() else {
        return Err(errors::not_found(&format!("artifact {name}@{digest}")));
    };
    let immutable = artifact
        .tags
        .iter()
        .find(|(tag, _)| is_immutable(state, name, tag));
    if let Some((tag, _)) = immutable {
        let words = format!("the tag {tag} configured as immutable, cannot be deleted");
        return Err(errors::error(412, "PRECONDITION", &words));
    }
    let repository = state.repository(name);
    let parent = repository
        .artifacts
        .values()
        .any(|other| other.children.contains(&digest));
    if parent {
        let words = "the deleting artifact is referenced by others";
        return Err(errors::error(412, "PRECONDITION", words));
    }
    let id = repository.by_digest.remove(&digest);
    id.and_then(|id| repository.artifacts.remove(&id));
    repository.tags.retain(|_, tagged| *tagged != digest);
    let referrers = repository
        .artifacts
        .values()
        .filter(|other| other.subject == Some(digest));
    let untagged = repository
        .artifacts
        .values()
        .filter(|other| artifact.children.contains(&other.digest) && other.tags.is_empty());
    let further: Vec<_> = referrers
        .chain(untagged)
        .map(|other| other.digest)
        .collect();
    for other in further {
        remove(state, name, other).ok();
    }
    release(state, name, &artifact);
    Ok(())
}

/// Takes blobs out of the project's sum that none of its artifacts uses.
fn release(state: &mut State, name: &str, gone: &Artifact) {
    let project = project_name(name).to_owned();
    let prefix = format!("{project}/");
    let of_project = state
        .repositories
        .range(prefix.clone()..)
        .take_while(|(name, _)| name.starts_with(&prefix));
    let mut unused: BTreeSet<_> = gone.blobs.iter().copied().chain([gone.digest]).collect();
    for artifact in of_project.flat_map(|(_, repository)| repository.artifacts.values()) {
        unused.remove(&artifact.digest);
        for used in artifact.blobs.iter().chain(&artifact.children) {
            unused.remove(used);
        }
    }
    for digest in unused {
        let size = state.size_of(digest);
        if let Some(project) = state.projects.get_mut(&project) {
            project.dissociate(digest, size);
        }
    }
}
