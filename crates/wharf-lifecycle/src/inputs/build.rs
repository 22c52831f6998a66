//! Inputs of `builder`.
use super::{Buildpacks, InputError, Resolver};
use crate::flags;
use std::path::PathBuf;
use wharf_spec::paths::BUILD_METADATA;

/// Everything the builder is told.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    pub(crate) buildpacks: Buildpacks,
    pub(crate) layers: PathBuf,
    pub(crate) analyzed: PathBuf,
    pub(crate) group: PathBuf,
    pub(crate) plan: PathBuf,
    pub(crate) metadata: PathBuf,
}

impl Build {
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        let layers = resolver.layers()?;
        Ok(Self {
            buildpacks: Buildpacks::resolve(resolver)?,
            metadata: layers.join(BUILD_METADATA),
            layers,
            analyzed: resolver.path(&flags::ANALYZED)?,
            group: resolver.path(&flags::GROUP)?,
            plan: resolver.path(&flags::PLAN)?,
        })
    }
}
