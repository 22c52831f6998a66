//! What a client of Harbor must not do.
use crate::http::Request;

/// The faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Strict {
    pub(crate) violations: Vec<String>,
}

impl Strict {
    pub(crate) fn note(&mut self, request: &Request, what: &str) {
        let path = request.path();
        self.violations
            .push(format!("{} {path}: {what}", request.method));
    }

    /// What the head of a request tells.
    pub(crate) fn head(&mut self, request: &Request) {
        if request.header("cookie").is_some() {
            self.note(
                request,
                "a cookie is sent; Harbor then wants a token against forgery",
            );
        }
        let body = matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
        if body && request.header("content-length").is_none() {
            self.note(
                request,
                "Content-Length is missing; the quota is judged by it",
            );
        }
        if request.path().starts_with("/v2/") && request.path().contains("/manifests/") {
            self.manifest(request);
        }
    }

    fn manifest(&mut self, request: &Request) {
        const TYPES: [&str; 4] = [
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ];
        let accepted: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| name == "accept")
            .map(|(_, value)| value.as_str())
            .collect();
        let accepted = accepted.join(",");
        let read = matches!(request.method.as_str(), "GET" | "HEAD");
        if read && !TYPES.iter().all(|kind| accepted.contains(kind)) {
            self.note(request, "Accept must name all four types of manifests");
        }
        let digest = request.path().contains("/manifests/sha256:");
        if request.method == "DELETE" && !digest {
            self.note(request, "Harbor deletes manifests by digest only");
        }
    }
}
