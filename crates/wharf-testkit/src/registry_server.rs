//! Debian's `docker-registry` on a free loopback port.
use crate::{
    certificates::ServerCertificate,
    token_issuer::{ISSUER, SERVICE, TokenIssuer},
};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

const PORTS: u32 = 5;
const TRIES: u32 = 400;
const PAUSE: Duration = Duration::from_millis(25);

/// How clients introduce themselves.
#[derive(Debug, Clone, Default)]
pub enum Authentication {
    /// Not at all.
    #[default]
    Anonymous,
    /// User and password with every request.
    Basic {
        /// User.
        user: String,
        /// Password.
        password: String,
    },
    /// Tokens of a service.
    Token {
        /// Address of the service.
        realm: String,
        /// Certificate of its key in PEM.
        certificate: String,
    },
}

impl Authentication {
    /// Tokens of `issuer`.
    pub fn by(issuer: &TokenIssuer) -> Self {
        Self::Token {
            realm: issuer.realm(),
            certificate: issuer.certificate().to_owned(),
        }
    }
}

/// Options of a registry.
#[derive(Debug, Clone, Default)]
pub struct RegistryServerOptions {
    /// How clients introduce themselves.
    pub authentication: Authentication,
    /// Speaks TLS with this certificate; plain http without one.
    pub certificate: Option<ServerCertificate>,
    /// Authority, in PEM, of the certificates that clients must show; with TLS only.
    pub client_authority: Option<String>,
    /// Refuses writes.
    pub read_only: bool,
    /// Sends `Location` without scheme and host.
    pub relative_locations: bool,
    /// Serves everything below this, such as `/x/`.
    pub prefix: Option<String>,
    /// Keeps its data here rather than in a temporary directory.
    pub data: Option<PathBuf>,
    /// Listens here rather than on a free port.
    pub port: Option<u16>,
}

/// A running registry; it is killed when dropped.
#[derive(Debug)]
pub struct RegistryServer {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl RegistryServer {
    /// Starts a registry and waits until it answers. The error says what is missing, or shows the end of its log.
    pub fn start(options: &RegistryServerOptions) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("registry-").tempdir()?;
        for _ in 0..PORTS {
            let port = match options.port {
                Some(port) => port,
                None => free_port()?,
            };
            let config = directory.path().join("config.yml");
            fs::write(
                &config,
                configure(options, port, directory.path())?.to_string(),
            )?;
            let mut child = spawn(&config, &directory.path().join("log"))?;
            if wait_until_ready(&mut child, port)? {
                return Ok(Self {
                    child,
                    port,
                    directory,
                });
            }
            // Most likely another process took the port in between.
            child.kill().ok();
            child.wait()?;
        }
        let log = fs::read_to_string(directory.path().join("log")).unwrap_or_default();
        let end: Vec<_> = log.lines().rev().take(5).collect();
        Err(io::Error::other(format!(
            "docker-registry does not start: {}",
            end.join("\n")
        )))
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the registry has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Process id, for measuring.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn spawn(config: &Path, log: &Path) -> io::Result<Child> {
    let log = File::create(log)?;
    Command::new("docker-registry")
        .arg("serve")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::new(
                io::ErrorKind::NotFound,
                "docker-registry is not installed; on Debian: apt-get install docker-registry",
            ),
            _ => error,
        })
}

/// False when the process ends before it listens.
fn wait_until_ready(child: &mut Child, port: u16) -> io::Result<bool> {
    for _ in 0..TRIES {
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            // Someone else may be the one who listens.
            std::thread::sleep(PAUSE);
            return Ok(child.try_wait()?.is_none());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(false)
}

/// The configuration; JSON is YAML.
fn configure(options: &RegistryServerOptions, port: u16, directory: &Path) -> io::Result<Value> {
    let data = options
        .data
        .clone()
        .unwrap_or_else(|| directory.join("data"));
    fs::create_dir_all(&data)?;
    let mut config = json!({
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": data},
            "delete": {"enabled": true},
            "maintenance": {"readonly": {"enabled": options.read_only}},
        },
        "http": {
            "addr": format!("127.0.0.1:{port}"),
            "secret": "the same for all tests",
            "relativeurls": options.relative_locations,
            "prefix": options.prefix.as_deref().unwrap_or("/"),
        },
    });
    let write = |name: &str, content: &str| -> io::Result<PathBuf> {
        let path = directory.join(name);
        fs::write(&path, content)?;
        Ok(path)
    };
    if let Some(tls) = &options.certificate {
        config["http"]["tls"] = json!({
            "certificate": write("server.pem", &tls.certificate)?,
            "key": write("server.key", &tls.key)?,
            "minimumtls": "tls1.2",
        });
        if let Some(authority) = &options.client_authority {
            let authority = write("clients.pem", authority)?;
            config["http"]["tls"]["clientcas"] = json!([authority]);
        }
    }
    match &options.authentication {
        Authentication::Anonymous => {}
        Authentication::Basic { user, password } => {
            let hash = bcrypt::hash(password, 4).map_err(io::Error::other)?;
            let path = write("htpasswd", &format!("{user}:{hash}\n"))?;
            config["auth"] = json!({"htpasswd": {"realm": "registry", "path": path}});
        }
        Authentication::Token { realm, certificate } => {
            let bundle = write("token.pem", certificate)?;
            config["auth"] = json!({"token": {
                "realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle,
            }});
        }
    }
    Ok(config)
}
