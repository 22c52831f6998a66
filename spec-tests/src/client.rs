//! Plain requests to a registry: the few that making and reading images take.
use crate::image::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use ureq::{
    Agent,
    http::{Request, request::Builder},
};

const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// A client of one registry on this machine.
#[derive(Debug)]
pub struct Client {
    address: String,
    authorization: Option<String>,
    agent: Agent,
}

impl Client {
    /// A client of the registry at `host:port`; with a login it uses Basic authentication.
    pub fn new(address: &str, login: Option<(&str, &str)>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .new_agent();
        Self {
            address: address.to_owned(),
            authorization: login.map(|(user, password)| basic(user, password)),
            agent,
        }
    }

    /// Uploads a blob in one request after the one that opens the upload.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) {
        let url = format!("http://{}/v2/{repository}/blobs/uploads/", self.address);
        let request = self
            .authorize(Request::post(&url))
            .body(())
            .expect("make a request");
        let opened = self.agent.run(request).expect("open an upload");
        let location = opened.headers()["location"]
            .to_str()
            .expect("read the location");
        let joint = if location.contains('?') { '&' } else { '?' };
        let request = self
            .authorize(Request::put(format!(
                "{location}{joint}digest={}",
                digest(bytes)
            )))
            .header("content-type", "application/octet-stream")
            .body(bytes)
            .expect("make a request");
        let done = self.agent.run(request).expect("send a blob");
        assert_eq!(done.status(), 201, "the registry did not take a blob");
    }

    /// Puts a manifest and gives its digest.
    pub fn push_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> String {
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.address);
        let request = self
            .authorize(Request::put(&url))
            .header("content-type", media_type)
            .body(bytes)
            .expect("make a request");
        let mut done = self.agent.run(request).expect("send a manifest");
        let text = done.body_mut().read_to_string().unwrap_or_default();
        assert_eq!(
            done.status(),
            201,
            "the registry did not take a manifest: {text}"
        );
        digest(bytes)
    }

    /// Media type and bytes of a manifest, if there is one.
    pub fn manifest(&self, repository: &str, version: &str) -> Option<(String, Vec<u8>)> {
        let url = format!(
            "http://{}/v2/{repository}/manifests/{version}",
            self.address
        );
        let request = self
            .authorize(Request::get(&url))
            .header("accept", MANIFEST_TYPES)
            .body(())
            .expect("make a request");
        let mut answer = self.agent.run(request).expect("ask for a manifest");
        if answer.status() == 404 {
            return None;
        }
        assert_eq!(answer.status(), 200, "the registry did not give {url}");
        let media_type = answer.headers()["content-type"]
            .to_str()
            .unwrap_or_default()
            .to_owned();
        Some((
            media_type,
            answer.body_mut().read_to_vec().expect("read a manifest"),
        ))
    }

    /// Bytes of a blob.
    pub fn blob(&self, repository: &str, digest: &str) -> Vec<u8> {
        let url = format!("http://{}/v2/{repository}/blobs/{digest}", self.address);
        let request = self
            .authorize(Request::get(&url))
            .body(())
            .expect("make a request");
        let mut answer = self.agent.run(request).expect("ask for a blob");
        assert_eq!(answer.status(), 200, "the registry did not give {url}");
        let body = answer.body_mut().with_config().limit(1 << 30);
        body.read_to_vec().expect("read a blob")
    }

    fn authorize(&self, request: Builder) -> Builder {
        match &self.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    }
}

/// The value of an `Authorization` header for Basic authentication.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
