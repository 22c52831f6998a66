//! Error bodies, in the words of Harbor.
use crate::http::Response;
use serde_json::json;

pub(crate) fn error(status: u16, code: &str, message: &str) -> Response {
    let document = json!({"errors": [{"code": code, "message": message}]});
    Response::status(status)
        .header("Content-Type", "application/json; charset=utf-8")
        .body(format!("{document}\n"))
}

/// An error of the registry behind Harbor, which passes through with its detail.
pub(crate) fn distribution(status: u16, code: &str, detail: &serde_json::Value) -> Response {
    let document = json!({"errors": [{"code": code, "message": code.to_lowercase().replace('_', " "), "detail": detail}]});
    Response::json(status, &document)
}

pub(crate) fn read_only() -> Response {
    let words = "The system is in read only mode. Any modification is prohibited.";
    error(403, "DENIED", words)
}

pub(crate) fn proxy_project(project: &str) -> Response {
    let words = format!("can not push artifact to a proxy project: {project}");
    error(403, "DENIED", &words)
}

pub(crate) fn immutable(repository: &str, tag: &str) -> Response {
    let name = repository
        .split_once('/')
        .map_or(repository, |(_, name)| name);
    let words = format!("Failed to process request due to '{name}:{tag}' configured as immutable.");
    error(412, "PRECONDITION", &words)
}

pub(crate) fn policy() -> Response {
    let words =
        "current image with \"Critical\" vulnerabilities cannot be pulled due to configured policy";
    error(412, "PROJECTPOLICYVIOLATION", words)
}

pub(crate) fn in_gc() -> Response {
    let words =
        "the asking blob is in GC, mark it as non existing, request id: a-request-of-the-testkit";
    error(404, "NOT_FOUND", words)
}

pub(crate) fn not_found(what: &str) -> Response {
    error(404, "NOT_FOUND", &format!("{what} not found"))
}
