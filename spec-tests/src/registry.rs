//! Debian's `docker-registry` on a loopback port.
use crate::image::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;
use ureq::{
    Agent,
    http::{Request, request::Builder},
};

const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// A running registry; it ends with the value.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    port: u16,
    dir: TempDir,
    authorization: Option<String>,
    agent: Agent,
}

impl Registry {
    /// Starts one that lets everyone in.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts one that lets in one user (Basic authentication).
    pub fn start_private(user: &str, password: &str) -> Self {
        Self::start_with(Some((user, password)))
    }

    /// A port that was free may be taken by the time the registry binds it; then another is tried.
    fn start_with(login: Option<(&str, &str)>) -> Self {
        let attempts = (0..20).map(|_| Self::attempt(login));
        let mut started = attempts.filter_map(Self::answering);
        started
            .next()
            .expect("docker-registry starts on a free port")
    }

    fn attempt(login: Option<(&str, &str)>) -> Self {
        let dir = TempDir::new().expect("make a temporary directory");
        let port = free_port();
        let config = dir.path().join("config.yml");
        let root = dir.path().display();
        let mut text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {root}/data}}, delete: {{enabled: true}}}}\nhttp: {{addr: '127.0.0.1:{port}', headers: {{X-Root: ['{root}']}}}}\n",
        );
        if let Some((user, password)) = login {
            let hash = bcrypt::hash(password, 4).expect("hash a password");
            fs::write(dir.path().join("htpasswd"), format!("{user}:{hash}\n"))
                .expect("write the password file");
            text += &format!("auth: {{htpasswd: {{realm: test, path: {root}/htpasswd}}}}\n");
        }
        fs::write(&config, text).expect("write the registry's configuration");
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start docker-registry; cargo xtask test installs it");
        Self {
            child,
            port,
            dir,
            authorization: login.map(|(user, password)| basic(user, password)),
            agent: agent(),
        }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `127.0.0.1:port/name`.
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// Copies the `dir:` image at `from` to `name`.
    pub fn push(&self, from: &Path, name: &str) {
        let status = Command::new("skopeo")
            .args([
                "copy",
                "--quiet",
                "--insecure-policy",
                "--dest-tls-verify=false",
            ])
            .arg(format!("dir:{}", from.display()))
            .arg(format!("docker://{}", self.name(name)))
            .status()
            .expect("start skopeo");
        assert!(
            status.success(),
            "skopeo could not push {} to {name}",
            from.display()
        );
    }

    /// Digests of all blobs the registry stores.
    pub fn blobs(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let root = self.dir.path().join("data/docker/registry/v2/blobs/sha256");
        for prefix in fs::read_dir(root).expect("list the registry's blobs") {
            for blob in
                fs::read_dir(prefix.expect("read a directory entry").path()).expect("list blobs")
            {
                found.insert(
                    blob.expect("read a directory entry")
                        .file_name()
                        .to_string_lossy()
                        .into_owned(),
                );
            }
        }
        found
    }

    /// Uploads a blob in one request after the one that opens the upload.
    pub fn push_blob(&self, repository: &str, bytes: &[u8]) {
        let url = format!("http://{}/v2/{repository}/blobs/uploads/", self.address());
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
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.address());
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
            self.address()
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
        let url = format!("http://{}/v2/{repository}/blobs/{digest}", self.address());
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

    /// Deletes a manifest by digest.
    pub fn delete(&self, name: &str, digest: &str) {
        let status = Command::new("skopeo")
            .args(["delete", "--tls-verify=false"])
            .arg(format!("docker://{}@{digest}", self.name(name)))
            .status()
            .expect("start skopeo");
        assert!(status.success(), "skopeo could not delete {name}@{digest}");
    }

    /// The registry once it answers: it, and not another server on the same port. `None` when it has ended.
    fn answering(mut self) -> Option<Self> {
        let own = format!("X-Root: {}\r\n", self.dir.path().display());
        for _ in 0..400 {
            if self.child.try_wait().expect("look at the child").is_some() {
                return None;
            }
            if self.answer().is_ok_and(|answer| answer.contains(&own)) {
                return Some(self);
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("docker-registry does not listen on {}", self.address());
    }

    fn answer(&self) -> io::Result<String> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        connection.write_all(b"GET /v2/ HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free now, taken from the kernel's choice.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind a loopback port");
    listener.local_addr().expect("read the port").port()
}

/// The value of an `Authorization` header for Basic authentication.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .new_agent()
}
