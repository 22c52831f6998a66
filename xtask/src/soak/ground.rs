//! What all lines share: the registry, the proxy before it, run images, buildpacks, executables.
use super::{plan::RunImage, stage::write};
use crate::{demo, dist, process, workspace};
use anyhow::{Context, Result};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use wharf_registry::{RegistryOptions, RegistryStore};
use wharf_spec::reference::Reference;
use wharf_testkit::{
    FaultPlan, FaultProxy,
    image_recipe::ImageRecipe,
    registry_server::{RegistryServer, RegistryServerOptions},
};

/// Repository of the run images.
const RUN: &str = "soak/run";

#[derive(Debug)]
pub(super) struct Ground {
    pub(super) registry: RegistryServer,
    pub(super) proxy: FaultProxy,
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
        let registry = RegistryServer::start(&RegistryServerOptions {
            data: Some(dir.join("registry")),
            ..RegistryServerOptions::default()
        })
        .context("start docker-registry")?;
        let proxy =
            FaultProxy::start(registry.port(), FaultPlan::none()).context("start the proxy")?;
        let ground = Self {
            registry,
            proxy,
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
            let name: Reference =
                format!("{}/{RUN}:{}", self.registry.host(), run.tag()).parse()?;
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
