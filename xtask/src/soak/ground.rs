//! What all lines share: registry and token service with a proxy before each, run images, buildpacks, executables.
use super::{
    pass::{CALM, WILD},
    plan::RunImage,
    stage::write,
};
use crate::{demo, dist, process, workspace};
use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};
use wharf_registry::{RegistryOptions, RegistryStore};
use wharf_spec::reference::Reference;
use wharf_testkit::{
    FaultPlan, FaultProxy,
    image_recipe::ImageRecipe,
    registry_server::{Authentication, RegistryServer, RegistryServerOptions},
    token_issuer::{self, Account, TokenIssuer, TokenIssuerOptions},
};

/// Repository of the run images.
const RUN: &str = "soak/run";
const ACCOUNT: &str = "robot$soak+builder";
pub(super) const PASSWORD: &str = "only-for-the-soak";
/// Of a token; the build's phases outlive it.
const LIFETIME: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Ground {
    /// The same images without proxies and passwords, for whoever looks from outside.
    pub(super) open: RegistryServer,
    /// Before the registry.
    pub(super) proxy: FaultProxy,
    /// Before the token service.
    pub(super) tokens: FaultProxy,
    _registry: RegistryServer,
    _issuer: TokenIssuer,
    /// User and group of the phases; ours when we may not choose.
    pub(super) user: Option<u32>,
    dir: PathBuf,
    lifecycle: PathBuf,
}

impl Ground {
    /// Starts everything below `dir`, with the executables of `dist`.
    pub(super) fn new(dir: &Path, dist: &Path) -> Result<Self> {
        demo::fresh(dir)?;
        // The phases' user goes through it.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
        let projects = ["soak", CALM, WILD];
        let issuer = token_issuer::start(TokenIssuerOptions {
            accounts: vec![Account::with_all_rights(ACCOUNT, PASSWORD, &projects)],
            lifetime: LIFETIME,
            ..TokenIssuerOptions::default()
        })
        .context("start the token service")?;
        let tokens = proxy(issuer.port())?;
        let registry = |authentication| {
            let options = RegistryServerOptions {
                authentication,
                data: Some(dir.join("registry")),
                ..RegistryServerOptions::default()
            };
            RegistryServer::start(&options).context("start docker-registry")
        };
        let guarded = registry(Authentication::Token {
            realm: format!("http://{}/service/token", tokens.host()),
            certificate: issuer.certificate().to_owned(),
        })?;
        let ground = Self {
            open: registry(Authentication::Anonymous)?,
            proxy: proxy(guarded.port())?,
            tokens,
            _registry: guarded,
            _issuer: issuer,
            user: nix::unistd::geteuid().is_root().then_some(1000),
            dir: dir.to_path_buf(),
            lifecycle: dist.join("lifecycle"),
        };
        ground.add_run_images()?;
        ground.add_buildpacks(dist)?;
        Ok(ground)
    }

    /// A path below the directory of the soak.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The executable of a phase, or the launcher.
    pub(super) fn executable(&self, name: &str) -> PathBuf {
        self.lifecycle.join(name)
    }

    /// What happens from now on.
    pub(super) fn set_plan(&self, plan: &FaultPlan) {
        self.proxy.set_plan(plan.clone());
        self.tokens.set_plan(plan.clone());
    }

    /// `CNB_REGISTRY_AUTH`
    pub(super) fn credentials(&self) -> String {
        let basic = STANDARD.encode(format!("{ACCOUNT}:{PASSWORD}"));
        json!({ self.proxy.host(): format!("Basic {basic}") }).to_string()
    }

    /// Name of an image, as the phases reach it.
    pub(super) fn image(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.proxy.host())
    }

    /// Name of a run image.
    pub(super) fn run_image(&self, run: RunImage) -> String {
        self.image(RUN, run.tag())
    }

    /// Where the registry keeps the upload sessions of a repository.
    pub(super) fn uploads(&self, repository: &str) -> PathBuf {
        let repositories = self.path("registry/docker/registry/v2/repositories");
        repositories.join(repository).join("_uploads")
    }

    fn add_run_images(&self) -> Result<()> {
        let store = RegistryStore::new(RegistryOptions::default())?;
        for run in [RunImage::One, RunImage::Two] {
            let name: Reference = format!("{}/{RUN}:{}", self.open.host(), run.tag()).parse()?;
            ImageRecipe::new()
                .platform("linux", dist::architecture(), None)
                .layer(&[("etc/os-release", b"ID=debian\nVERSION_ID=12\n", 0o644)])
                .layer(&[("etc/motd", run.tag().as_bytes(), 0o644)])
                .label("io.buildpacks.base.distro.name", "debian")
                .label("io.buildpacks.base.distro.version", "12")
                .env("PATH", "/usr/local/bin:/usr/bin:/bin")
                .user("1000:1000")
                .push(&store, &[&name]);
        }
        Ok(())
    }

    /// The fixture buildpacks that need nothing from elsewhere.
    fn add_buildpacks(&self, dist: &Path) -> Result<()> {
        let fixtures = workspace::root().join("fixtures/buildpacks");
        let to = self.path("buildpacks");
        fs::create_dir_all(to.join("wharf_static"))?;
        fs::create_dir_all(to.join("wharf_multi"))?;
        process::run(
            process::command("cp", ["-R"])
                .arg(fixtures.join("static"))
                .arg(to.join("wharf_static/1.0.0")),
        )?;
        demo::package_rust_buildpack(&fixtures.join("rust"), dist, &to.join("wharf_multi/1.0.0"))?;
        let group = |id: &str| {
            format!("[[order]]\n[[order.group]]\nid = \"wharf/{id}\"\nversion = \"1.0.0\"\n")
        };
        write(
            &self.path("order.toml"),
            &(group("multi") + &group("static")),
        )
    }
}

fn proxy(port: u16) -> Result<FaultProxy> {
    FaultProxy::start(port, FaultPlan::none()).context("start a proxy")
}
