//! A buildpack directory that goes into a builder.
use super::{
    archive::{self, Item},
    config::Module,
};
use crate::{console::Hint, files};
use anyhow::{Context, Result, anyhow, bail};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};
use wharf_spec::{
    api::BuildpackApi,
    files::descriptor::{ApiOnly, BuildpackDescriptor},
    id::full_name,
    paths::BUILDPACKS_DIR,
};

/// A buildpack and where it lies.
#[derive(Debug, Clone)]
pub(crate) struct Buildpack {
    dir: PathBuf,
    pub(crate) descriptor: BuildpackDescriptor,
}

impl Buildpack {
    /// Reads and judges the directory that `module` names, relative to `base`.
    pub(crate) fn load(module: &Module, base: &Path) -> Result<Self> {
        let dir = directory(&module.uri, base)?;
        let path = dir.join("buildpack.toml");
        // Before the other fields, which another version may define differently.
        let ApiOnly { api } = files::read_toml(&path)?;
        BuildpackApi::from_str(&api).with_context(|| format!("use '{}'", path.display()))?;
        let descriptor = files::read_toml(&path)?;
        let buildpack = Self { dir, descriptor };
        buildpack.check(module)?;
        Ok(buildpack)
    }

    fn check(&self, module: &Module) -> Result<()> {
        let info = &self.descriptor.buildpack;
        let name = self.full_name();
        if let Some(id) = module.id.as_ref().filter(|id| **id != info.id) {
            bail!("use buildpack '{}': it is {name}, not '{id}'", module.uri);
        }
        if let Some(version) = module
            .version
            .as_ref()
            .filter(|version| **version != info.version)
        {
            bail!(
                "use buildpack '{}': it is {name}, not version '{version}'",
                module.uri
            );
        }
        if info.version.is_empty() || info.version.contains('/') {
            bail!(
                "use buildpack '{}': '{}' is not a version",
                module.uri,
                info.version
            );
        }
        if !self.descriptor.order.is_empty() {
            return Ok(());
        }
        for program in ["bin/detect", "bin/build"] {
            let path = self.dir.join(program);
            let executable = path
                .metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
            if !executable {
                return Err(anyhow!(
                    "use buildpack {name}: '{}' is not an executable file",
                    path.display()
                )
                .context(Hint(format!("chmod +x '{}'", path.display()))));
            }
        }
        Ok(())
    }

    /// `<id>@<version>`.
    pub(crate) fn full_name(&self) -> String {
        let info = &self.descriptor.buildpack;
        full_name(&info.id, &info.version)
    }

    /// The layer with the buildpack.
    pub(crate) fn entries(&self) -> Result<Vec<Item>> {
        let info = &self.descriptor.buildpack;
        let at = format!("{BUILDPACKS_DIR}/{}/{}", info.id.dir_name(), info.version);
        let mut items = archive::parents(&at);
        items.extend(archive::tree(&self.dir, &at)?);
        Ok(items)
    }
}

fn directory(uri: &str, base: &Path) -> Result<PathBuf> {
    let local = uri.strip_prefix("file://").unwrap_or(uri);
    let dir = base.join(local);
    if !local.is_empty() && dir.is_dir() {
        return Ok(dir);
    }
    Err(anyhow!(
        "use buildpack '{uri}': '{}' is not a directory",
        dir.display()
    )
    .context(Hint(
        "uri names a directory, relative to the builder.toml".into(),
    )))
}
