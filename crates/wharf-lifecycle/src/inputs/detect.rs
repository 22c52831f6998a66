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
    pub(crate) buildpacks: PathBuf,
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
            buildpacks: resolver.path(&flags::BUILDPACKS)?,
            build_config: match resolver.features().build_config {
                true => Some(resolver.path(&flags::BUILD_CONFIG)?),
                false => None,
            },
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
            system: match resolver.features().system_buildpacks {
                true => Some(resolver.path(&flags::SYSTEM)?),
                false => None,
            },
            analyzed: resolver.path(&flags::ANALYZED)?,
            group: resolver.path(&flags::GROUP)?,
            plan: resolver.path(&flags::PLAN)?,
        })
    }
}
