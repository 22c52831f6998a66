//! Inputs of `detector`, and what it shares with `builder`.
use super::{InputError, Resolver};
use crate::flags;
use std::path::PathBuf;
use wharf_spec::id::ExecEnv;

/// What running buildpacks needs.
#[derive(Debug, Clone)]
pub(crate) struct Buildpacks {
    pub(crate) app: PathBuf,
    pub(crate) platform: PathBuf,
    pub(crate) directory: PathBuf,
    /// Where the Platform API knows it.
    pub(crate) build_config: Option<PathBuf>,
    /// Where the Platform API knows it.
    pub(crate) exec_env: Option<ExecEnv>,
}

impl Buildpacks {
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        Ok(Self {
            app: resolver.path(&flags::APP)?,
            platform: resolver.path(&flags::PLATFORM)?,
            directory: resolver.path(&flags::BUILDPACKS)?,
            build_config: resolver
                .path_where(resolver.features().build_config, &flags::BUILD_CONFIG)?,
            exec_env: resolver.exec_env()?,
        })
    }
}

/// Everything the detector is told.
#[derive(Debug, Clone)]
pub(crate) struct Detect {
    pub(crate) buildpacks: Buildpacks,
    pub(crate) order: PathBuf,
    /// Where the Platform API knows it.
    pub(crate) system: Option<PathBuf>,
    pub(crate) analyzed: PathBuf,
    pub(crate) group: PathBuf,
    pub(crate) plan: PathBuf,
}

impl Detect {
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        Ok(Self {
            buildpacks: Buildpacks::resolve(resolver)?,
            order: resolver.path(&flags::ORDER)?,
            system: resolver.path_where(resolver.features().system_buildpacks, &flags::SYSTEM)?,
            analyzed: resolver.path(&flags::ANALYZED)?,
            group: resolver.path(&flags::GROUP)?,
            plan: resolver.path(&flags::PLAN)?,
        })
    }
}
