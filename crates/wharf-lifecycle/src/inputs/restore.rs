//! Inputs of `restorer`.
use super::{CacheChoice, InputError, Resolver, RunFile};
use crate::flags;
use std::path::PathBuf;
use wharf_spec::reference::Reference;

/// Everything the restorer is told.
#[derive(Debug, Clone)]
pub(crate) struct Restore {
    pub(crate) layers: PathBuf,
    pub(crate) analyzed: PathBuf,
    pub(crate) group: PathBuf,
    pub(crate) cache: CacheChoice,
    pub(crate) run_file: RunFile,
    pub(crate) skip_layers: bool,
}

impl Restore {
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        Ok(Self {
            layers: resolver.layers()?,
            analyzed: resolver.path(&flags::ANALYZED)?,
            group: resolver.path(&flags::GROUP)?,
            cache: CacheChoice::resolve(resolver)?,
            run_file: resolver.run_file()?,
            skip_layers: resolver.skip_layers()?,
        })
    }

    /// Images whose registries may ask for credentials; the run image is named by `analyzed.toml`.
    pub(crate) fn references(&self) -> Vec<Reference> {
        self.cache.image().into_iter().cloned().collect()
    }
}
