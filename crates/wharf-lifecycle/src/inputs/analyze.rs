//! Inputs of `analyzer`.
use super::{CacheChoice, InputError, Resolver, RunFile};
use crate::flags;
use std::path::PathBuf;
use wharf_spec::reference::Reference;

/// Everything the analyzer is told.
#[derive(Debug, Clone)]
pub(crate) struct Analyze {
    /// The app image, then further tags.
    pub(crate) outputs: Vec<Reference>,
    pub(crate) previous_image: Reference,
    pub(crate) cache_image: Option<Reference>,
    pub(crate) run_image: Option<Reference>,
    pub(crate) run_file: RunFile,
    pub(crate) layers: PathBuf,
    pub(crate) analyzed: PathBuf,
    pub(crate) skip_layers: bool,
}

impl Analyze {
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        let outputs = resolver.outputs()?;
        let first = outputs.first().ok_or(InputError::NoImage)?.clone();
        Ok(Self {
            previous_image: resolver.reference(&flags::PREVIOUS_IMAGE)?.unwrap_or(first),
            outputs,
            cache_image: CacheChoice::resolve(resolver)?.image().cloned(),
            run_image: resolver.reference(&flags::RUN_IMAGE)?,
            run_file: resolver.run_file()?,
            layers: resolver.layers()?,
            analyzed: resolver.path(&flags::ANALYZED)?,
            skip_layers: resolver.skip_layers()?,
        })
    }

    /// Images whose registries may ask for credentials.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let named = self.cache_image.iter().chain(&self.outputs);
        named
            .chain([&self.previous_image])
            .chain(&self.run_image)
            .cloned()
            .collect()
    }
}
