//! `builder.toml`, in the format pack reads.
use crate::{console::Hint, files};
use anyhow::{Result, anyhow};
use serde::Deserialize;
use std::path::Path;
use wharf_spec::{
    files::{
        group::GroupElement, order::OrderGroup, run::RunImageMetadata, system::SystemBuildpacks,
    },
    id::BuildpackId,
};

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BuilderConfig {
    pub(crate) description: String,
    pub(crate) buildpacks: Vec<Module>,
    extensions: Vec<toml::Value>,
    pub(crate) order: Vec<OrderGroup>,
    order_extensions: Vec<toml::Value>,
    pub(crate) build: Build,
    pub(crate) run: Run,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) stack: Option<Stack>,
    pub(crate) system: SystemBuildpacks,
    targets: Vec<toml::Value>,
}

/// A buildpack to put in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Module {
    pub(crate) id: Option<BuildpackId>,
    pub(crate) version: Option<String>,
    pub(crate) uri: String,
    image: String,
}

/// `[build]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Build {
    pub(crate) image: Option<String>,
    pub(crate) env: Vec<Variable>,
}

/// A variable for every build.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) suffix: Suffix,
    pub(crate) delim: Option<String>,
}

/// What a variable does to the one that is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Suffix {
    #[default]
    #[serde(alias = "")]
    None,
    Default,
    Override,
    Append,
    Prepend,
}

impl Suffix {
    /// As part of a file name.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Default => ".default",
            Self::Override => ".override",
            Self::Append => ".append",
            Self::Prepend => ".prepend",
        }
    }
}

/// `[run]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Run {
    pub(crate) images: Vec<RunImageMetadata>,
}

/// `[lifecycle]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Lifecycle {
    pub(crate) uri: Option<String>,
    pub(crate) version: Option<String>,
}

/// `[stack]`, which newer files leave out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Stack {
    pub(crate) id: String,
    build_image: Option<String>,
    run_image: Option<String>,
    run_image_mirrors: Vec<String>,
}

impl BuilderConfig {
    /// Reads the file and refuses what it asks for and nobody does.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let config: Self = files::read_toml(path)?;
        config
            .check()
            .map_err(|error| error.context(format!("use '{}'", path.display())))?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        if !self.extensions.is_empty() || !self.order_extensions.is_empty() {
            return Err(anyhow!("image extensions are not supported yet"));
        }
        if let Some(module) = self
            .buildpacks
            .iter()
            .find(|module| !module.image.is_empty())
        {
            return Err(
                anyhow!("buildpack image '{}' is not supported", module.image)
                    .context(Hint("unpack it and name its directory with uri".into())),
            );
        }
        if self.order.is_empty() {
            return Err(anyhow!("it has no [[order]]"));
        }
        let groups = self.order.iter().enumerate();
        if let Some((index, _)) = groups.into_iter().find(|(_, group)| group.group.is_empty()) {
            return Err(anyhow!("[[order]] {} has no [[order.group]]", index + 1));
        }
        if self.run_images().is_empty() {
            return Err(anyhow!("it has no [[run.images]]"));
        }
        Ok(())
    }

    /// What is read but makes no difference.
    pub(crate) fn warnings(&self) -> Vec<&'static str> {
        let targets = !self.targets.is_empty();
        let text =
            "[[targets]] is ignored: the builder is made for the platform of the build image";
        targets.then_some(text).into_iter().collect()
    }

    pub(crate) fn build_image(&self) -> Option<&str> {
        let old = || self.stack.as_ref()?.build_image.as_deref();
        self.build.image.as_deref().or_else(old)
    }

    /// Run images, the default first.
    pub(crate) fn run_images(&self) -> Vec<RunImageMetadata> {
        if !self.run.images.is_empty() {
            return self.run.images.clone();
        }
        let old = |stack: &Stack| {
            Some(RunImageMetadata {
                image: stack.run_image.clone()?,
                mirrors: stack.run_image_mirrors.clone(),
            })
        };
        self.stack.as_ref().and_then(old).into_iter().collect()
    }

    /// Members of all groups, those of the system included.
    pub(crate) fn members(&self) -> impl Iterator<Item = &GroupElement> {
        let groups = self.order.iter().flat_map(|group| &group.group);
        groups
            .chain(&self.system.pre.buildpacks)
            .chain(&self.system.post.buildpacks)
    }
}
