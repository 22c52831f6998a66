//! The demo's registry: Debian's `docker-registry` with token authentication, on loopback.
use crate::{bases::Bases, process, workspace};
use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};
use wharf_testkit::{
    registry_server::{Authentication, RegistryServer, RegistryServerOptions},
    token_issuer::{self, Account, TokenIssuer, TokenIssuerOptions},
};

/// Preferred, because images name it: a second run finds its own.
const PORT: u16 = 18_180;
const ACCOUNT: &str = "robot$demo+builder";
const PASSWORD: &str = "only-for-the-demo";

/// The running registry and what the demo put there.
#[derive(Debug)]
pub(crate) struct DemoRegistry {
    server: RegistryServer,
    _issuer: TokenIssuer,
    work: PathBuf,
    bases: Bases,
}

impl DemoRegistry {
    /// Starts registry and token service; both end with the value.
    pub(crate) fn start(work: &Path, bases: Bases) -> Result<Self> {
        let account = Account::with_all_rights(ACCOUNT, PASSWORD, &["demo"]);
        let issuer = token_issuer::start(TokenIssuerOptions {
            accounts: vec![account],
            ..TokenIssuerOptions::default()
        })
        .context("start the token service")?;
        let data = work.join("registry");
        fs::create_dir_all(&data).with_context(|| format!("create {}", data.display()))?;
        let server = RegistryServer::start(&RegistryServerOptions {
            authentication: Authentication::by(&issuer),
            data: Some(data),
            port: is_free(PORT).then_some(PORT),
            ..RegistryServerOptions::default()
        })
        .context("start docker-registry")?;
        if server.port() != PORT {
            println!(
                "    port {PORT} is taken, so images are named by port {}",
                server.port()
            );
        }
        let registry = Self {
            server,
            _issuer: issuer,
            work: work.to_path_buf(),
            bases,
        };
        registry.write_credentials()?;
        Ok(registry)
    }

    /// The full name of an image.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/demo/{name}:latest", self.server.host())
    }

    /// A Docker config directory with the account.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.work.join("credentials")
    }

    /// Makes `run:latest` the base image with this tag, as a distribution would move its tag to a patched image.
    pub(crate) fn set_run_image(&self, tag: &str) -> Result<()> {
        let from = format!("oci:{}:{tag}", self.bases.layout.display());
        let mut copy = self.skopeo(&["copy", "--quiet", "--dest-tls-verify=false"]);
        process::capture(
            copy.arg(from)
                .arg(format!("docker://{}", self.image("run"))),
        )
        .map(|_| ())
    }

    /// Makes the builder with `wharf`, pushes it, and unpacks it as the root file system of the phases.
    pub(crate) fn create_builder(&self, dist: &Path) -> Result<PathBuf> {
        let definition = self.builder_definition(dist)?;
        let mut create = process::command(
            &dist.join("wharf").display().to_string(),
            ["builder", "create"],
        );
        create.arg(definition).arg("--lifecycle").arg(dist).args([
            "--publish",
            "--tag",
            &self.image("builder"),
        ]);
        process::run_logged(
            create.env("DOCKER_CONFIG", self.credentials()),
            &self.work.join("builder.log"),
        )?;
        self.unpack(&self.image("builder"), "builder")
    }

    /// Unpacks an image with umoci below the demo's directory; what is there already is used again.
    pub(crate) fn unpack(&self, image: &str, name: &str) -> Result<PathBuf> {
        let digest = self.digest(image)?;
        let dir = self.work.join("rootfs").join(name);
        let marker = dir.with_extension("digest");
        let rootfs = dir.join("rootfs");
        if fs::read_to_string(&marker).is_ok_and(|known| known == digest) && rootfs.is_dir() {
            return Ok(rootfs);
        }
        for old in [&dir, &dir.with_extension("oci")] {
            if old.exists() {
                fs::remove_dir_all(old).with_context(|| format!("remove {}", old.display()))?;
            }
        }
        fs::create_dir_all(dir.parent().unwrap_or(&dir))?;
        let layout = dir.with_extension("oci");
        let mut copy = self.skopeo(&["copy", "--quiet", "--src-tls-verify=false"]);
        process::capture(
            copy.arg(format!("docker://{image}"))
                .arg(format!("oci:{}:image", layout.display())),
        )?;
        let mut umoci = process::command("umoci", ["unpack"]);
        if !nix::unistd::geteuid().is_root() {
            umoci.arg("--rootless");
        }
        process::capture(
            umoci
                .arg("--image")
                .arg(format!("{}:image", layout.display()))
                .arg(&dir),
        )?;
        fs::remove_dir_all(&layout)?;
        fs::write(&marker, digest)?;
        Ok(rootfs)
    }

    /// The digest a tag has, computed from the manifest by skopeo.
    pub(crate) fn digest(&self, image: &str) -> Result<String> {
        let format = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
        Ok(
            process::capture(self.skopeo(&format).arg(format!("docker://{image}")))?
                .trim()
                .to_owned(),
        )
    }

    /// Digests and sizes of an image's layers.
    pub(crate) fn layers(&self, image: &str) -> Result<Vec<(String, u64)>> {
        let manifest = self.json(&["inspect", "--raw", "--tls-verify=false"], image)?;
        let layers = manifest["layers"]
            .as_array()
            .context("the manifest has no layers")?;
        let text = |layer: &Value| layer["digest"].as_str().unwrap_or_default().to_owned();
        Ok(layers
            .iter()
            .map(|layer| (text(layer), layer["size"].as_u64().unwrap_or(0)))
            .collect())
    }

    /// The config of an image.
    pub(crate) fn config(&self, image: &str) -> Result<Value> {
        self.json(&["inspect", "--config", "--tls-verify=false"], image)
    }

    fn json(&self, verb: &[&str], image: &str) -> Result<Value> {
        let text = process::capture(self.skopeo(verb).arg(format!("docker://{image}")))?;
        serde_json::from_str(&text).with_context(|| format!("parse what skopeo says of {image}"))
    }

    fn skopeo(&self, args: &[&str]) -> Command {
        let mut command = process::command("skopeo", ["--insecure-policy"]);
        command.args(args);
        command
            .arg("--authfile")
            .arg(self.credentials().join("config.json"));
        command
    }

    fn write_credentials(&self) -> Result<()> {
        let dir = self.credentials();
        fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        let auth = base64(format!("{ACCOUNT}:{PASSWORD}").as_bytes());
        let config = json!({ "auths": { self.server.host(): { "auth": auth } } });
        let path = dir.join("config.json");
        fs::write(&path, config.to_string())
            .with_context(|| format!("write {}", path.display()))?;
        // The phases run as another user; the secret is the demo's own.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))
            .context("make the credentials readable")
    }

    /// The fixture builder with this registry's images and the packaged Rust buildpack.
    fn builder_definition(&self, dist: &Path) -> Result<PathBuf> {
        let fixtures = workspace::root().join("fixtures");
        let text = fs::read_to_string(fixtures.join("builders/builder.toml"))
            .context("read the fixture builder.toml")?;
        let buildpacks = fixtures.join("buildpacks");
        let build = format!("oci:{}:build", self.bases.layout.display());
        let text = text
            .replace("../buildpacks", &buildpacks.display().to_string())
            .replace("localhost:5000/wharf/build:latest", &build)
            .replace("localhost:5000/wharf/run:latest", &self.image("run"));
        let multi = self.work.join("multi");
        package_rust_buildpack(&buildpacks.join("rust"), dist, &multi)?;
        let more = format!(
            "\n[[buildpacks]]\nid = \"wharf/multi\"\nversion = \"1.0.0\"\nuri = \"{}\"\n\n[[order]]\n\n[[order.group]]\nid = \"wharf/multi\"\nversion = \"1.0.0\"\n",
            multi.display()
        );
        // Arrays of tables may stand in any order, so the additions can follow the last table.
        let path = self.work.join("builder.toml");
        fs::write(&path, text + &more).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }
}

/// The Rust buildpack in its shipped form: descriptor, and one executable under both names.
pub(crate) fn package_rust_buildpack(source: &Path, dist: &Path, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir.join("bin")).with_context(|| format!("create {}", dir.display()))?;
    fs::copy(source.join("buildpack.toml"), dir.join("buildpack.toml"))
        .context("copy the descriptor of wharf/multi")?;
    for name in ["detect", "build"] {
        let to = dir.join("bin").join(name);
        fs::copy(dist.join("fixture-buildpack-multi"), &to)
            .with_context(|| format!("copy to {}", to.display()))?;
    }
    Ok(())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
