//! Debian's `docker-registry` on a loopback port.
use std::{
    collections::BTreeSet,
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// A running registry without authentication; it ends with the value.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Registry {
    /// Starts one.
    pub fn start() -> Self {
        let dir = TempDir::new().expect("make a temporary directory");
        let port = free_port();
        let config = dir.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n",
            dir.path().join("data").display()
        );
        fs::write(&config, text).expect("write the registry's configuration");
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start docker-registry; cargo xtask test installs it");
        let registry = Self { child, port, dir };
        registry.wait();
        registry
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

    /// Deletes a manifest by digest.
    pub fn delete(&self, name: &str, digest: &str) {
        let status = Command::new("skopeo")
            .args(["delete", "--tls-verify=false"])
            .arg(format!("docker://{}@{digest}", self.name(name)))
            .status()
            .expect("start skopeo");
        assert!(status.success(), "skopeo could not delete {name}@{digest}");
    }

    fn wait(&self) {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("docker-registry does not listen on {}", self.address());
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
