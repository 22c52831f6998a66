//! `/api/v2.0`: who may, and what is where.
use super::{Shared, api_artifacts, api_lists, documents, errors, state::State, token};
use crate::http::{Request, Response, decode};
use serde_json::{Value, json};

/// A call with what is left of its path, each component decoded once; a repository's name is decoded twice.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
    /// Login name.
    pub(crate) caller: Option<String>,
}

impl Call<'_> {
    pub(crate) fn value(&self, wanted: &str) -> Option<&str> {
        let mut query = self.query.iter();
        query
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a flag is given.
    pub(crate) fn flag(&self, wanted: &str) -> bool {
        self.value(wanted) == Some("true")
    }

    /// Refuses whoever lacks a right in a project.
    pub(crate) fn require(
        &self,
        state: &State,
        project: &str,
        right: (&str, &str),
    ) -> Result<(), Response> {
        if self.has(state, project, right) {
            return Ok(());
        }
        let (resource, action) = right;
        Err(match &self.caller {
            None => errors::error(401, "UNAUTHORIZED", "unauthorized"),
            Some(caller) => {
                let words = format!("account {caller} lacks {resource}:{action} in {project}");
                errors::error(403, "FORBIDDEN", &words)
            }
        })
    }

    pub(crate) fn has(&self, state: &State, project: &str, right: (&str, &str)) -> bool {
        let (resource, action) = right;
        let known = state.projects.get(project);
        let open = matches!(
            right,
            ("project" | "artifact", "read") | ("repository" | "artifact" | "tag", "list")
        );
        (open && known.is_some_and(|known| known.public))
            || self
                .account(state)
                .is_some_and(|account| account.can(project, resource, action))
    }

    pub(crate) fn account<'a>(&self, state: &'a State) -> Option<&'a super::Account> {
        let name = self.caller.as_deref()?;
        state.accounts.iter().find(|account| account.name == name)
    }
}

pub(crate) fn serve(shared: &Shared, request: &mut Request, path: &str) -> Response {
    let body = request.body().unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let caller = request
        .header("authorization")
        .and_then(|header| Some(token::login(&shared.lock(), header)?.name.clone()));
    let call = Call {
        method: &request.method,
        path,
        query: request.query(),
        body,
        caller,
    };
    let response = dispatch(shared, &call);
    if path.contains("repositories/") && path.to_ascii_lowercase().contains("%2f") {
        let what = "'/' in the name of a repository must be encoded twice";
        shared.lock().strict.note(request, what);
    }
    response.unwrap_or_else(|refused| refused)
}

fn dispatch(shared: &Shared, call: &Call<'_>) -> Result<Response, Response> {
    let components: Vec<String> = call.path.split('/').map(decode_path).collect();
    let components: Vec<&str> = components.iter().map(String::as_str).collect();
    let writes = !matches!(call.method, "GET" | "HEAD");
    if writes && shared.lock().read_only {
        return Err(errors::read_only());
    }
    match (call.method, components.as_slice()) {
        ("GET", ["ping"]) => Ok(Response::status(200)
            .header("Content-Type", "text/plain")
            .body("Pong")),
        ("GET", ["health"]) => Ok(Response::json(200, &documents::health())),
        ("GET", ["systeminfo"]) => Ok(Response::json(200, &documents::info(call.caller.is_some()))),
        ("GET" | "HEAD" | "POST", ["projects"]) => projects(shared, call),
        ("GET", ["projects", project]) => project_document(shared, call, project),
        ("GET", ["projects", project, "summary"]) => summary(shared, call, project),
        ("GET", ["repositories"]) => api_lists::repositories(shared, call, None),
        ("GET", ["projects", project, "repositories"]) => {
            api_lists::repositories(shared, call, Some(project))
        }
        ("GET", ["quotas"]) => api_lists::quotas(shared, call),
        ("PUT", ["quotas", id]) => set_quota(shared, call, id),
        ("POST", ["projects", project, "immutabletagrules"]) => add_rule(shared, call, project),
        ("GET", ["projects", project, "immutabletagrules"]) => rules(shared, call, project),
        ("DELETE", ["projects", project, "immutabletagrules", id]) => {
            delete_rule(shared, call, project, id)
        }
        ("POST", ["robots"]) => create_robot(shared, call),
        ("POST", ["retentions"]) => {
            call.require(&shared.lock(), "/", ("tag-retention", "create"))?;
            Ok(Response::status(201))
        }
        ("GET" | "POST", ["labels"]) => api_artifacts::labels(shared, call),
        ("GET", ["projects", project, "artifacts"]) if shared.options.project_artifacts => {
            api_lists::project_artifacts(shared, call, project)
        }
        (_, ["projects", project, "repositories", repository, rest @ ..]) => {
            let name = format!("{project}/{}", decode_path(repository));
            api_artifacts::serve(shared, call, &name, rest)
        }
        _ => {
            let words = format!("path /api/v2.0/{} was not found", call.path);
            Err(errors::error(404, "NOT_FOUND", &words))
        }
    }
}

/// A component of a path, where `+` is itself.
fn decode_path(text: &str) -> String {
    decode(&text.replace('+', "%2B"))
}

fn projects(shared: &Shared, call: &Call<'_>) -> Result<Response, Response> {
    match call.method {
        "GET" => api_lists::projects(shared, call),
        "HEAD" => {
            let name = call.value("project_name").unwrap_or_default();
            let known = shared.lock().projects.contains_key(name);
            Ok(Response::status(if known { 200 } else { 404 }))
        }
        _ => create_project(shared, call),
    }
}

fn create_project(shared: &Shared, call: &Call<'_>) -> Result<Response, Response> {
    let mut state = shared.lock();
    call.require(&state, "/", ("project", "create"))?;
    let name = call.body["project_name"].as_str().unwrap_or_default();
    if name.is_empty() || state.projects.contains_key(name) {
        let words = format!("The project named {name} already exists");
        return Err(errors::error(409, "CONFLICT", &words));
    }
    let project = state.add_project(name);
    project.public = call.body["metadata"]["public"] == "true" || call.body["public"] == true;
    project.limit = call.body["storage_limit"]
        .as_i64()
        .unwrap_or(super::quota::UNLIMITED);
    let place = format!("/api/v2.0/projects/{}", project.id);
    Ok(Response::status(201).header("Location", &place))
}

fn project_document(shared: &Shared, call: &Call<'_>, name: &str) -> Result<Response, Response> {
    let state = shared.lock();
    let project = state
        .projects
        .get(name)
        .ok_or_else(|| errors::not_found(&format!("project {name}")))?;
    call.require(&state, name, ("project", "read"))?;
    Ok(Response::json(
        200,
        &documents::project(&state, name, project),
    ))
}

fn summary(shared: &Shared, call: &Call<'_>, name: &str) -> Result<Response, Response> {
    let state = shared.lock();
    let project = state
        .projects
        .get(name)
        .ok_or_else(|| errors::not_found(&format!("project {name}")))?;
    call.require(&state, name, ("project", "read"))?;
    let mut document = json!({"repo_count": documents::repository_count(&state, name)});
    if call.has(&state, name, ("quota", "read")) {
        document["quota"] = documents::quota(project);
    }
    Ok(Response::json(200, &document))
}

fn set_quota(shared: &Shared, call: &Call<'_>, id: &str) -> Result<Response, Response> {
    let mut state = shared.lock();
    call.require(&state, "/", ("quota", "update"))?;
    let id: u64 = id.parse().unwrap_or_default();
    let mut projects = state.projects.values_mut();
    match (
        projects.find(|project| project.id == id),
        call.body["hard"]["storage"].as_i64(),
    ) {
        (Some(project), Some(limit)) => {
            project.limit = limit;
            Ok(Response::status(200))
        }
        _ => Err(errors::not_found(&format!("quota {id}"))),
    }
}

fn add_rule(shared: &Shared, call: &Call<'_>, name: &str) -> Result<Response, Response> {
    let mut state = shared.lock();
    call.require(&state, name, ("immutable-tag", "create"))?;
    let pattern = |selectors: &Value| selectors[0]["pattern"].as_str().unwrap_or("**").to_owned();
    let rule = (
        pattern(&call.body["scope_selectors"]["repository"]),
        pattern(&call.body["tag_selectors"]),
    );
    match state.projects.get_mut(name) {
        Some(project) => {
            project.immutable.push(Some(rule));
            Ok(Response::status(201))
        }
        None => Err(errors::not_found(&format!("project {name}"))),
    }
}

/// A robot of one project; the secret is Harbor's to choose and told once.
fn create_robot(shared: &Shared, call: &Call<'_>) -> Result<Response, Response> {
    let mut state = shared.lock();
    call.require(&state, "/", ("robot", "create"))?;
    let permission = &call.body["permissions"][0];
    let project = permission["namespace"].as_str().unwrap_or_default();
    let name = call.body["name"].as_str().unwrap_or_default();
    let secret = format!("Secret{}", state.next_id());
    let mut robot = super::Account::robot(project, name, &secret);
    for right in permission["access"].as_array().into_iter().flatten() {
        let word = |key: &str| right[key].as_str().unwrap_or_default();
        let right = format!("{}:{}", word("resource"), word("action"));
        robot = robot.may(project, &[&right]);
    }
    if state.accounts.iter().any(|known| known.name == robot.name) {
        let words = format!("robot {} already exists", robot.name);
        return Err(errors::error(409, "CONFLICT", &words));
    }
    let id = state.next_id();
    let document = json!({"id": id, "name": robot.name, "secret": secret});
    state.accounts.push(robot);
    Ok(Response::json(201, &document))
}

/// Rules are numbered by their place; those that were removed leave a gap.
fn rules(shared: &Shared, call: &Call<'_>, name: &str) -> Result<Response, Response> {
    let state = shared.lock();
    call.require(&state, name, ("immutable-tag", "list"))?;
    let rules = state.projects.get(name).map(|project| &project.immutable);
    let rules: Vec<_> = (1_u64..)
        .zip(rules.into_iter().flatten())
        .filter_map(|(id, rule)| Some((id, rule.as_ref()?)))
        .collect();
    api_lists::answer(call, &rules, |(id, (repositories, tags))| {
        json!({
            "id": id, "action": "immutable", "tag_selectors": [{"pattern": tags}],
            "scope_selectors": {"repository": [{"pattern": repositories}]},
        })
    })
}

fn delete_rule(
    shared: &Shared,
    call: &Call<'_>,
    name: &str,
    id: &str,
) -> Result<Response, Response> {
    let mut state = shared.lock();
    call.require(&state, name, ("immutable-tag", "delete"))?;
    let place = id.parse::<usize>().ok().and_then(|id| id.checked_sub(1));
    let project = state.projects.get_mut(name);
    let rule = project.and_then(|project| project.immutable.get_mut(place?));
    match rule.and_then(Option::take) {
        Some(_) => Ok(Response::status(200)),
        None => Err(errors::not_found(&format!("immutable rule {id}"))),
    }
}
