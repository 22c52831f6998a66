//! One repository, one artifact, tags and labels.
use super::{
    Shared,
    api::Call,
    api_lists,
    documents::{self, Wanted},
    errors, manifests, removal,
    state::{State, project_name},
};
use crate::http::Response;
use serde_json::{Value, json};
use wharf_spec::digest::Digest;

/// Percent-encodes a value of a query.
pub(crate) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// What is below `/projects/<p>/repositories/<r>`.
pub(crate) fn serve(
    shared: &Shared,
    call: &Call<'_>,
    name: &str,
    rest: &[&str],
) -> Result<Response, Response> {
    let project = project_name(name);
    if !shared.lock().projects.contains_key(project) {
        return Err(errors::not_found(&format!("project {project}")));
    }
    match (call.method, rest) {
        ("GET", ["artifacts"]) => api_lists::artifacts(shared, call, name),
        ("GET", ["artifacts", reference]) => read(shared, call, name, reference),
        ("DELETE", ["artifacts", reference]) => delete(shared, call, name, reference),
        ("POST", ["artifacts", reference, "tags"]) => add_tag(shared, call, name, reference),
        ("DELETE", ["artifacts", reference, "tags", tag]) => {
            delete_tag(shared, call, (name, reference), tag)
        }
        ("POST", ["artifacts", reference, "labels"]) => add_label(shared, call, name, reference),
        ("GET", []) => {
            let state = shared.lock();
            call.require(&state, project, ("repository", "list"))?;
            match state.repositories.get(name) {
                Some(repository) => Ok(Response::json(
                    200,
                    &documents::repository(&state, name, repository),
                )),
                None => Err(errors::not_found(&format!("repository {name}"))),
            }
        }
        _ => Err(errors::error(
            405,
            "METHOD_NOT_ALLOWED",
            "method not allowed",
        )),
    }
}

fn find(state: &State, name: &str, reference: &str) -> Result<Digest, Response> {
    state
        .artifact(name, reference)
        .map(|artifact| artifact.digest)
        .ok_or_else(|| errors::not_found(&format!("artifact {name}@{reference}")))
}

fn read(
    shared: &Shared,
    call: &Call<'_>,
    name: &str,
    reference: &str,
) -> Result<Response, Response> {
    let state = shared.lock();
    call.require(&state, project_name(name), ("artifact", "read"))?;
    find(&state, name, reference)?;
    let wanted = Wanted {
        tags: call.value("with_tag") != Some("false"),
        labels: call.flag("with_label"),
        accessories: call.flag("with_accessory"),
        immutable: call.flag("with_immutable_status"),
    };
    let repository = state.repositories.get(name);
    match repository.zip(state.artifact(name, reference)) {
        Some((repository, artifact)) => {
            let document = documents::artifact(&state, (name, repository), artifact, wanted);
            Ok(Response::json(200, &document))
        }
        None => Err(errors::not_found(name)),
    }
}

fn delete(
    shared: &Shared,
    call: &Call<'_>,
    name: &str,
    reference: &str,
) -> Result<Response, Response> {
    let mut state = shared.lock();
    call.require(&state, project_name(name), ("artifact", "delete"))?;
    let digest = find(&state, name, reference)?;
    removal::remove(&mut state, name, digest).map(|()| Response::status(200))
}

fn add_tag(
    shared: &Shared,
    call: &Call<'_>,
    name: &str,
    reference: &str,
) -> Result<Response, Response> {
    let mut state = shared.lock();
    call.require(&state, project_name(name), ("tag", "create"))?;
    let digest = find(&state, name, reference)?;
    let tag = call.body["name"].as_str().unwrap_or_default();
    let repository = state.repository(name);
    if tag.is_empty() || repository.tags.contains_key(tag) {
        let words = format!("tag {tag} already exist");
        return Err(errors::error(409, "CONFLICT", &words));
    }
    repository.set_tag(tag, digest);
    Ok(Response::status(201))
}

fn delete_tag(
    shared: &Shared,
    call: &Call<'_>,
    (name, reference): (&str, &str),
    tag: &str,
) -> Result<Response, Response> {
    let mut state = shared.lock();
    call.require(&state, project_name(name), ("tag", "delete"))?;
    let digest = find(&state, name, reference)?;
    if manifests::is_immutable(&state, name, tag) {
        let words = format!("the tag {tag} configured as immutable, cannot be deleted");
        return Err(errors::error(412, "PRECONDITION", &words));
    }
    let repository = state.repository(name);
    if repository.tags.get(tag) != Some(&digest) || !repository.remove_tag(tag) {
        return Err(errors::not_found(&format!("tag {tag}")));
    }
    Ok(Response::status(200))
}

fn add_label(
    shared: &Shared,
    call: &Call<'_>,
    name: &str,
    reference: &str,
) -> Result<Response, Response> {
    let mut state = shared.lock();
    call.require(&state, project_name(name), ("artifact-label", "create"))?;
    let digest = find(&state, name, reference)?;
    let label = call.body["id"].as_u64().unwrap_or_default();
    if !state.labels.contains_key(&label) {
        return Err(errors::not_found(&format!("label {label}")));
    }
    let added = state
        .repository(name)
        .artifact_mut(digest)
        .is_some_and(|artifact| artifact.labels.insert(label));
    if added {
        Ok(Response::status(200))
    } else {
        Err(errors::error(
            409,
            "CONFLICT",
            "the label is on the artifact already",
        ))
    }
}

/// `/labels`: of projects only.
pub(crate) fn labels(shared: &Shared, call: &Call<'_>) -> Result<Response, Response> {
    let mut state = shared.lock();
    let project = match call.method {
        "POST" => call.body["project_id"].as_u64(),
        _ => call.value("project_id").and_then(|id| id.parse().ok()),
    };
    let name = state
        .projects
        .iter()
        .find(|(_, known)| Some(known.id) == project)
        .map(|(name, _)| name.clone())
        .ok_or_else(|| errors::not_found("project"))?;
    let project = project.unwrap_or_default();
    if call.method == "POST" {
        call.require(&state, &name, ("label", "create"))?;
        let label = call.body["name"].as_str().unwrap_or_default().to_owned();
        if state
            .labels
            .values()
            .any(|known| *known == (project, label.clone()))
        {
            return Err(errors::error(409, "CONFLICT", "the label exists already"));
        }
        let id = state.next_id();
        state.labels.insert(id, (project, label));
        let place = format!("/api/v2.0/labels/{id}");
        return Ok(Response::status(201).header("Location", &place));
    }
    call.require(&state, &name, ("label", "list"))?;
    let own: Vec<_> = state
        .labels
        .iter()
        .filter(|(_, label)| label.0 == project)
        .collect();
    api_lists::answer(call, &own, |(id, (_, name))| -> Value {
        json!({"id": id, "name": name, "scope": "p", "project_id": project})
    })
}
