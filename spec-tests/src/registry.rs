//! Debian's `docker-registry` on a loopback port.
use crate::client::Client;
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

/// A running registry; it ends with the value.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    port: u16,
    dir: TempDir,
    client: Client,
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
            client: Client::new(&format!("127.0.0.1:{port}"), login),
        }
    }

    /// Plain requests to it.
    pub fn client(&self) -> &Client {
        &self.client
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

    /// Uploads that could have been cancelled and were not. One that broke off in the middle of its bytes cannot be, by
    /// anybody; and the registry may leave the state of a hash behind when an upload is cancelled while it still answers
    /// its start.
    pub fn uploads(&self) -> usize {
        let repositories = self.dir.path().join("data/docker/registry/v2/repositories");
        let mut open = 0;
        let mut left = vec![repositories];
        while let Some(directory) = left.pop() {
            let Ok(entries) = fs::read_dir(&directory) else {
                continue;
            };
            let inside = entries.map(|entry| entry.expect("read a directory entry").path());
            if directory.ends_with("_uploads") {
                open += inside.filter(|it| is_cancellable(it)).count();
            } else {
                left.extend(inside);
            }
        }
        open
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

/// Whether an upload was started and has no bytes.
fn is_cancellable(upload: &Path) -> bool {
    let bytes = fs::metadata(upload.join("data")).map_or(0, |data| data.len());
    upload.join("startedat").exists() && bytes == 0
}
