//! The token service, and who sends a request.
use super::{
    Shared,
    account::Account,
    errors,
    route::{Route, To},
    state::{State, now, project_name},
};
use crate::{
    http::{Request, Response},
    token_issuer::{SERVICE, rfc3339},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

/// What a token allows.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// Projects with what may be done there.
    access: Vec<(String, Vec<&'static str>)>,
    expires: u64,
}

const ACTIONS: [&str; 3] = ["pull", "push", "delete"];

/// `GET /service/token`.
pub(crate) fn serve(shared: &Shared, request: &Request) -> Response {
    if request.method != "GET" {
        return Response::status(405).header("Allow", "GET");
    }
    let query = request.query();
    let values = |wanted: &'static str| {
        query
            .iter()
            .filter(move |(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    if values("service").next() != Some(SERVICE) {
        return Response::status(400).body("unable to handle the requested service");
    }
    let mut state = shared.lock();
    let account = request
        .header("authorization")
        .and_then(|header| login(&state, header))
        .cloned();
    let scopes: Vec<_> = values("scope").flat_map(|scope| scope.split(' ')).collect();
    if account.is_none() && scopes.is_empty() {
        return errors::error(401, "UNAUTHORIZED", "unauthorized");
    }
    let projects: Vec<_> = scopes
        .iter()
        .filter_map(|scope| scope_project(scope))
        .collect();
    let shadowed = lost_home(account.as_ref(), &projects);
    if shadowed {
        state
            .strict
            .note(request, "the robot's own scope must come first");
    }
    let access = projects
        .iter()
        .map(|project| {
            let own = account
                .as_ref()
                .filter(|account| !(shadowed && account.home.as_deref() == Some(*project)));
            ((*project).to_owned(), actions(&state, own, project))
        })
        .collect();
    let lifetime = shared.options.token_lifetime.as_secs();
    let issued = now();
    let value = format!("opaque.{}.{issued}", state.next_id());
    let token = Token {
        access,
        expires: issued + lifetime,
    };
    state.tokens.insert(value.clone(), token);
    Response::json(
        200,
        &json!({"token": value, "access_token": "", "expires_in": lifetime, "issued_at": rfc3339(issued)}),
    )
}

/// `repository:<project>/<name>:<actions>`.
fn scope_project(scope: &str) -> Option<&str> {
    let name = scope.strip_prefix("repository:")?;
    Some(project_name(name.rsplit_once(':')?.0))
}

/// Whether a robot of a project loses its rights there because another project comes first.
fn lost_home(account: Option<&Account>, projects: &[&str]) -> bool {
    let home = account.and_then(|account| account.home.as_deref());
    home.is_some_and(|home| projects.first() != Some(&home) && projects.contains(&home))
}

fn actions(state: &State, account: Option<&Account>, project: &str) -> Vec<&'static str> {
    let Some(known) = state.projects.get(project) else {
        return Vec::new();
    };
    let may = |action: &str| {
        (action == "pull" && known.public)
            || account.is_some_and(|account| account.can(project, "repository", action))
    };
    ACTIONS.into_iter().filter(|action| may(action)).collect()
}

/// The account of a `Basic` header.
pub(crate) fn login<'a>(state: &'a State, header: &str) -> Option<&'a Account> {
    let pair = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (name, password) = pair.split_once(':')?;
    let mut accounts = state.accounts.iter();
    accounts.find(|account| account.name == name && account.password == password)
}

/// Refuses what the sender may not do.
pub(crate) fn authorize(shared: &Shared, route: &Route, request: &Request) -> Result<(), Response> {
    let state = shared.lock();
    let header = request.header("authorization");
    let account = header.and_then(|header| login(&state, header));
    let token = header
        .and_then(|header| header.strip_prefix("Bearer "))
        .and_then(|value| state.tokens.get(value))
        .filter(|token| token.expires > now());
    let wanted = wanted(route, request);
    let refusal = |words: &str| Err(unauthorized(shared, request, &wanted, words));
    match route.to {
        To::Base if account.is_some() || token.is_some() => return Ok(()),
        To::Base => return refusal("unauthorized"),
        To::Catalog if account.is_some_and(|account| account.admin) => return Ok(()),
        To::Catalog => return refusal("unauthorized to list catalog"),
        _ => {}
    }
    let read = matches!(request.method.as_str(), "GET" | "HEAD");
    if header.is_none() && read {
        return refusal("authorize header needed to send HEAD to repository");
    }
    for (name, action) in &wanted {
        if !name.contains('/') {
            let words = format!("invalid repository name: {name}");
            return Err(errors::error(400, "BAD_REQUEST", &words));
        }
        let project = project_name(name);
        if !state.projects.contains_key(project) {
            let words = format!("project {project} not found");
            let response = errors::error(401, "UNAUTHORIZED", &words);
            return Err(response.header("Www-Authenticate", ""));
        }
        let by_token = token.is_some_and(|token| {
            let mut access = token.access.iter();
            access.any(|(own, actions)| own == project && actions.contains(action))
        });
        if !by_token && !actions(&state, account, project).contains(action) {
            return refusal(&format!(
                "unauthorized to access repository: {name}, action: {action}"
            ));
        }
    }
    Ok(())
}

/// Repositories with the action a request needs there.
fn wanted(route: &Route, request: &Request) -> Vec<(String, &'static str)> {
    if route.repository.is_empty() {
        return Vec::new();
    }
    let action = match request.method.as_str() {
        "GET" | "HEAD" => "pull",
        "DELETE" => "delete",
        _ => "push",
    };
    let mut wanted = vec![(route.repository.clone(), action)];
    let query = request.query();
    let value = |wanted: &str| {
        let mut query = query.iter();
        query
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
    };
    if request.method == "POST"
        && value("mount").is_some()
        && let Some(from) = value("from")
    {
        wanted.push((from.clone(), "pull"));
    }
    wanted
}

/// A challenge: for a token when nothing was sent, else for a password.
fn unauthorized(
    shared: &Shared,
    request: &Request,
    wanted: &[(String, &'static str)],
    words: &str,
) -> Response {
    let challenge = if request.header("authorization").is_some() {
        "Basic realm=\"harbor\"".to_owned()
    } else {
        let host = request
            .header("host")
            .map_or_else(|| shared.options.listen.to_string(), str::to_owned);
        let scopes: Vec<_> = wanted
            .iter()
            .map(|(name, action)| {
                let actions = if *action == "push" {
                    "pull,push"
                } else {
                    action
                };
                format!("repository:{name}:{actions}")
            })
            .collect();
        let scope = match scopes.join(" ") {
            scopes if scopes.is_empty() => scopes,
            scopes => format!(",scope=\"{scopes}\""),
        };
        format!("Bearer realm=\"http://{host}/service/token\",service=\"{SERVICE}\"{scope}")
    };
    errors::error(401, "UNAUTHORIZED", words)
        .header("Docker-Distribution-Api-Version", "registry/2.0")
        .header("Www-Authenticate", &challenge)
}
