//! Where the images of one side go: a registry of its own, emptied at will, and the proxy before it.
use super::empty;
use crate::{dist, process};
use anyhow::{Context, Result};
use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};
use wharf_layout::LayoutStore;
use wharf_spec::reference::Reference;
use wharf_testkit::{
    FaultPlan, FaultProxy,
    image_recipe::ImageRecipe,
    registry_server::{RegistryServer, RegistryServerOptions},
};

/// Repository of the run images `one` and `two`.
const RUN: &str = "bench/run";

/// A registry that always listens on the same port.
#[derive(Debug)]
pub(super) struct Warehouse {
    dir: PathBuf,
    port: u16,
    server: Option<RegistryServer>,
    pub(super) proxy: FaultProxy,
}

impl Warehouse {
    /// Starts one below `dir` with the run images and nothing else.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        empty(dir)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
        let port = listener.local_addr()?.port();
        drop(listener);
        let mut warehouse = Self {
            dir: dir.to_path_buf(),
            port,
            server: None,
            proxy: FaultProxy::start(port, FaultPlan::none()).context("start the proxy")?,
        };
        warehouse.start()?;
        for (tag, text) in [("one", "first"), ("two", "patched")] {
            let layout = dir.join(tag);
            let name: Reference = format!("wharf/run:{tag}").parse()?;
            recipe(text).push(&LayoutStore::single(&layout), &[&name]);
            let copy = [
                "--insecure-policy",
                "copy",
                "--quiet",
                "--dest-tls-verify=false",
            ];
            let mut copy = process::command("skopeo", copy);
            copy.arg(format!("oci:{}:{tag}", layout.display()));
            copy.arg(format!("docker://{}/{RUN}:{tag}", warehouse.host()));
            process::capture(&mut copy)?;
        }
        warehouse.server = None;
        let data = warehouse.data();
        process::run(
            process::command("cp", ["-R"])
                .arg(&data)
                .arg(dir.join("template")),
        )?;
        warehouse.start()?;
        Ok(warehouse)
    }

    /// Throws everything away but the run images.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.server = None;
        let data = self.data();
        std::fs::remove_dir_all(&data).context("empty the registry")?;
        process::run(
            process::command("cp", ["-R"])
                .arg(self.dir.join("template"))
                .arg(&data),
        )?;
        self.start()
    }

    /// `127.0.0.1:port`.
    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Name of a run image at a host.
    pub(super) fn run_image(host: &str, tag: &str) -> String {
        format!("{host}/{RUN}:{tag}")
    }

    /// Directory of its data.
    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn start(&mut self) -> Result<()> {
        let options = RegistryServerOptions {
            data: Some(self.data()),
            port: Some(self.port),
            ..RegistryServerOptions::default()
        };
        self.server = Some(RegistryServer::start(&options).context("start docker-registry")?);
        Ok(())
    }
}

/// Writes the run image `one` into a directory of layouts, and gives its directory.
pub(super) fn run_image_in_layout(root: &Path, name: &str) -> Result<PathBuf> {
    let name: Reference = name.parse()?;
    let store = LayoutStore::new(root);
    recipe("first").push(&store, &[&name]);
    Ok(store.directory(&name))
}

/// A base with two layers; nothing of it is of interest but that it is there.
fn recipe(text: &str) -> ImageRecipe {
    ImageRecipe::new()
        .platform("linux", dist::architecture(), None)
        .layer(&[("etc/os-release", b"ID=debian\nVERSION_ID=12\n", 0o644)])
        .layer(&[("etc/motd", text.as_bytes(), 0o644)])
        .label("io.buildpacks.base.distro.name", "debian")
        .label("io.buildpacks.base.distro.version", "12")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .user("1000:1000")
}
