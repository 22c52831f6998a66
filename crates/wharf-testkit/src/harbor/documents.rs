//! The API's documents.
use super::state::{Artifact, Project, Repository, State, repositories_of};
use crate::token_issuer::rfc3339;
use serde_json::{Value, json};

/// How Harbor writes "never".
const NEVER: &str = "0001-01-01T00:00:00.000Z";

pub(crate) fn health() -> Value {
    let names = [
        "core",
        "database",
        "jobservice",
        "portal",
        "redis",
        "registry",
        "registryctl",
    ];
    let components = names.map(|name| json!({"name": name, "status": "healthy"}));
    json!({"status": "healthy", "components": components})
}

/// The version is for accounts only.
pub(crate) fn info(known: bool) -> Value {
    let mut info = json!({"auth_mode": "db_auth", "self_registration": false});
    if known {
        info["harbor_version"] = "v2.13.0-testkit".into();
    }
    info
}

pub(crate) fn quota(project: &Project) -> Value {
    json!({
        "hard": {"storage": project.limit},
        "used": {"storage": project.used + project.reserved},
    })
}

pub(crate) fn project(state: &State, name: &str, project: &Project) -> Value {
    json!({
        "project_id": project.id, "name": name, "owner_name": "admin",
        "repo_count": repository_count(state, name),
        "registry_id": if project.proxy { json!(1) } else { Value::Null },
        "metadata": {"public": project.public.to_string()},
    })
}

pub(crate) fn repository_count(state: &State, project: &str) -> usize {
    repositories_of(state, project).count()
}

pub(crate) fn repository(state: &State, name: &str, repository: &Repository) -> Value {
    let project = state.projects.get(super::state::project_name(name));
    let newest = repository.artifacts.values().last();
    json!({
        "id": repository.id, "name": name, "project_id": project.map_or(0, |project| project.id),
        "artifact_count": repository.artifacts.len(),
        "creation_time": rfc3339(repository.created),
        "update_time": rfc3339(newest.map_or(repository.created, |artifact| artifact.pushed)),
    })
}

/// What of an artifact is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) tags: bool,
    pub(crate) labels: bool,
    pub(crate) accessories: bool,
    pub(crate) immutable: bool,
}

pub(crate) fn artifact(
    state: &State,
    (name, repository): (&str, &Repository),
    artifact: &Artifact,
    wanted: Wanted,
) -> Value {
    let mut document = json!({
        "digest": artifact.digest, "size": artifact.size, "repository_name": name,
        "type": kind(artifact), "media_type": artifact.config_media_type,
        "manifest_media_type": artifact.media_type, "artifact_type": artifact.kind,
        "push_time": rfc3339(artifact.pushed), "pull_time": NEVER,
        "annotations": artifact.annotations, "extra_attrs": attributes(state, artifact),
        "tags": Value::Null, "labels": Value::Null, "accessories": Value::Null,
        "references": references(artifact),
    });
    if wanted.tags && !artifact.tags.is_empty() {
        let tags = artifact.tags.iter().map(|(tag, pushed)| {
            let immutable = wanted.immutable && super::manifests::is_immutable(state, name, tag);
            json!({"name": tag, "push_time": rfc3339(*pushed), "pull_time": NEVER, "immutable": immutable})
        });
        document["tags"] = tags.collect();
    }
    if wanted.labels && !artifact.labels.is_empty() {
        let labels = artifact.labels.iter().filter_map(|id| {
            let (_, name) = state.labels.get(id)?;
            Some(json!({"id": id, "name": name, "scope": "p"}))
        });
        document["labels"] = labels.collect();
    }
    if wanted.accessories {
        let referrers = repository.artifacts.values();
        let referrers: Vec<Value> = referrers
            .filter(|other| other.subject == Some(artifact.digest))
            .map(|other| json!({"digest": other.digest, "size": other.size, "type": "subject.accessory", "subject_artifact_digest": artifact.digest, "subject_artifact_repo": name}))
            .collect();
        if !referrers.is_empty() {
            document["accessories"] = referrers.into();
        }
    }
    document
}

fn references(artifact: &Artifact) -> Value {
    if artifact.children.is_empty() {
        return Value::Null;
    }
    let children = artifact.children.iter();
    children
        .map(|child| json!({"child_digest": child}))
        .collect()
}

/// By the media type of the config.
fn kind(artifact: &Artifact) -> &'static str {
    const IMAGES: [&str; 2] = [
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    ];
    let is_image = IMAGES.contains(&artifact.config_media_type.as_str());
    if is_image || artifact.config.is_none() {
        "IMAGE"
    } else {
        "UNKNOWN"
    }
}

/// What Harbor takes from the config of an image.
fn attributes(state: &State, artifact: &Artifact) -> Value {
    if kind(artifact) != "IMAGE" {
        return Value::Null;
    }
    let config = artifact
        .config
        .and_then(|config| state.blobs.get(&config)?.content.bytes())
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    match config {
        Some(config) => json!({
            "architecture": config["architecture"], "os": config["os"], "created": config["created"],
            "author": config["author"], "config": config["config"],
        }),
        None => Value::Null,
    }
}
