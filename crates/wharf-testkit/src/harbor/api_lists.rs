//! Lists, page by page.
use super::{
    Shared,
    api::Call,
    documents::{self, Wanted},
    errors,
    state::{Artifact, Repository, State, repositories_of},
};
use crate::http::Response;
use serde_json::{Value, json};

/// First item, number of items, and the number of the page.
fn page(call: &Call<'_>) -> Result<(usize, usize, usize), Response> {
    let number = |name, default: i64| match call.value(name) {
        Some(text) => text.parse::<i64>().unwrap_or(0),
        None => default,
    };
    let (page, size) = (number("page", 1), number("page_size", 10));
    // -1 means all, which nobody promises.
    if page < 1 || !(size == -1 || (1..=100).contains(&size)) {
        let words = "page in query must be positive, page_size at most 100";
        return Err(errors::error(422, "UNPROCESSABLE_ENTITY", words));
    }
    let page = usize::try_from(page).unwrap_or(1);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    Ok(((page - 1).saturating_mul(size), size, page))
}

/// One page of `items`; documents are made for it alone.
pub(crate) fn answer<T>(
    call: &Call<'_>,
    items: &[T],
    document: impl Fn(&T) -> Value,
) -> Result<Response, Response> {
    let (skip, size, page) = page(call)?;
    let shown: Vec<Value> = items.iter().skip(skip).take(size).map(document).collect();
    let link = |page: usize, rel: &str| {
        let mut query: Vec<String> = call
            .query
            .iter()
            .filter(|(name, _)| name != "page" && name != "page_size")
            .map(|(name, value)| format!("{name}={}", super::api_artifacts::encode(value)))
            .collect();
        query.push(format!("page={page}"));
        query.push(format!("page_size={size}"));
        format!(
            "</api/v2.0/{}?{}>; rel=\"{rel}\"",
            call.path,
            query.join("&")
        )
    };
    let mut links = Vec::new();
    if page > 1 {
        links.push(link(page - 1, "prev"));
    }
    if skip.saturating_add(size) < items.len() {
        links.push(link(page + 1, "next"));
    }
    let response =
        Response::json(200, &Value::Array(shown)).header("X-Total-Count", &items.len().to_string());
    Ok(if links.is_empty() {
        response
    } else {
        response.header("Link", &links.join(" , "))
    })
}

/// Whether something named `name` passes `q=name=x` or `q=name=~x`.
fn named(call: &Call<'_>, name: &str) -> bool {
    let filters = call.value("q").unwrap_or_default();
    filters
        .split(',')
        .all(|filter| match filter.split_once('=') {
            Some(("name", value)) => match value.strip_prefix('~') {
                Some(part) => name.contains(part),
                None => name == value,
            },
            _ => true,
        })
}

pub(crate) fn projects(shared: &Shared, call: &Call<'_>) -> Result<Response, Response> {
    let state = shared.lock();
    let all = state.projects.iter();
    let visible: Vec<_> = all
        .filter(|(name, _)| named(call, name) && call.has(&state, name, ("project", "read")))
        .collect();
    answer(call, &visible, |(name, project)| {
        documents::project(&state, name, project)
    })
}

pub(crate) fn repositories(
    shared: &Shared,
    call: &Call<'_>,
    project: Option<&str>,
) -> Result<Response, Response> {
    let state = shared.lock();
    let visible: Vec<_> = if let Some(project) = project {
        if !state.projects.contains_key(project) {
            return Err(errors::not_found(&format!("project {project}")));
        }
        call.require(&state, project, ("repository", "list"))?;
        repositories_of(&state, project)
            .filter(|(name, _)| named(call, name))
            .collect()
    } else {
        let may = |name: &str| {
            let project = super::state::project_name(name);
            call.has(&state, project, ("repository", "list"))
        };
        let all = state.repositories.iter();
        all.filter(|(name, _)| named(call, name) && may(name))
            .collect()
    };
    answer(call, &visible, |(name, repository)| {
        documents::repository(&state, name, repository)
    })
}

pub(crate) fn quotas(shared: &Shared, call: &Call<'_>) -> Result<Response, Response> {
    let state = shared.lock();
    call.require(&state, "/", ("quota", "list"))?;
    let mut projects: Vec<_> = state.projects.iter().collect();
    if call.value("sort") == Some("-used.storage") {
        projects.sort_by_key(|(_, project)| std::cmp::Reverse(project.used));
    }
    answer(call, &projects, |(name, project)| {
        let mut document = documents::quota(project);
        document["id"] = project.id.into();
        document["ref"] = json!({"id": project.id, "name": name, "owner_name": "admin"});
        document
    })
}

/// Whether an artifact passes `q=media_type=…,type=…,digest=…`.
fn passes(call: &Call<'_>, artifact: &Artifact) -> bool {
    let filters = call.value("q").unwrap_or_default();
    filters
        .split(',')
        .all(|filter| match filter.split_once('=') {
            Some(("media_type", value)) => artifact.config_media_type == value,
            Some(("manifest_media_type", value)) => artifact.media_type == value,
            Some(("artifact_type", value)) => artifact.kind.as_deref() == Some(value),
            Some(("digest", value)) => artifact.digest.to_string() == value,
            Some(("tags", "nil")) => artifact.tags.is_empty(),
            Some(("tags", "*")) => !artifact.tags.is_empty(),
            _ => true,
        })
}

fn wanted(call: &Call<'_>) -> Wanted {
    Wanted {
        tags: call.value("with_tag") != Some("false"),
        labels: call.flag("with_label"),
        accessories: call.flag("with_accessory"),
        immutable: call.flag("with_immutable_status"),
    }
}

type Place<'a> = (&'a String, &'a Repository, &'a Artifact);

fn artifact_page(
    call: &Call<'_>,
    state: &State,
    artifacts: &[Place<'_>],
) -> Result<Response, Response> {
    let wanted = wanted(call);
    answer(call, artifacts, |(name, repository, artifact)| {
        documents::artifact(state, (name, repository), artifact, wanted)
    })
}

/// Accessories are no artifacts of their own in lists.
fn listed<'a>(
    call: &'a Call<'_>,
    (name, repository): (&'a String, &'a Repository),
) -> impl Iterator<Item = Place<'a>> {
    let newest_first = repository.artifacts.values().rev();
    newest_first
        .filter(|artifact| {
            let accessory = artifact
                .subject
                .is_some_and(|subject| repository.by_digest.contains_key(&subject));
            !accessory && passes(call, artifact)
        })
        .map(move |artifact| (name, repository, artifact))
}

pub(crate) fn artifacts(
    shared: &Shared,
    call: &Call<'_>,
    name: &str,
) -> Result<Response, Response> {
    let state = shared.lock();
    let project = super::state::project_name(name);
    call.require(&state, project, ("artifact", "list"))?;
    let Some(place) = state.repositories.get_key_value(name) else {
        return Err(errors::not_found(&format!("repository {name}")));
    };
    let all: Vec<_> = listed(call, place).collect();
    artifact_page(call, &state, &all)
}

pub(crate) fn project_artifacts(
    shared: &Shared,
    call: &Call<'_>,
    project: &str,
) -> Result<Response, Response> {
    let state = shared.lock();
    if !state.projects.contains_key(project) {
        return Err(errors::not_found(&format!("project {project}")));
    }
    call.require(&state, project, ("artifact", "list"))?;
    let latest = call.flag("latest_in_repository");
    let filter = call.value("q").unwrap_or_default();
    let kinds = ["media_type=", "artifact_type="];
    if latest && kinds.iter().filter(|kind| filter.contains(**kind)).count() != 1 {
        let words = "either media_type or artifact_type must be specified in the query when querying with latest_in_repository=true";
        return Err(errors::error(400, "BAD_REQUEST", words));
    }
    let all: Vec<_> = repositories_of(&state, project)
        .flat_map(|place| listed(call, place).take(if latest { 1 } else { usize::MAX }))
        .collect();
    artifact_page(call, &state, &all)
}
