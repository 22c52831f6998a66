//! Inputs of `rebaser`.
use super::{InputError, Resolver};
use crate::flags;
use std::path::PathBuf;
use wharf_image::TagRace;
use wharf_spec::reference::Reference;

/// Everything the rebaser is told.
#[derive(Debug, Clone)]
pub(crate) struct Rebase {
    pub(crate) app_image: Reference,
    pub(crate) outputs: Vec<Reference>,
    pub(crate) run_image: Option<Reference>,
    pub(crate) force: bool,
    /// What happens when another build wrote the app image meanwhile.
    pub(crate) tag_race: TagRace,
    pub(crate) report: PathBuf,
}

impl Rebase {
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        let outputs = resolver.tags()?;
        let first = outputs.first().ok_or(InputError::NoImage)?.clone();
        let deprecated = resolver.reference(&flags::IMAGE)?;
        let run_image = resolver.reference(&flags::RUN_IMAGE)?;
        Ok(Self {
            app_image: resolver.reference(&flags::PREVIOUS_IMAGE)?.unwrap_or(first),
            outputs,
            run_image: match (deprecated, run_image) {
                (Some(_), Some(_)) => return Err(InputError::BothRunImages),
                (deprecated, run_image) => run_image.or(deprecated),
            },
            force: resolver.raw.bool(&flags::FORCE)?,
            tag_race: resolver.tag_race()?,
            report: resolver.path(&flags::REPORT)?,
        })
    }

    /// Images whose registries may ask for credentials.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let named = self.outputs.iter().chain([&self.app_image]);
        named.chain(&self.run_image).cloned().collect()
    }
}
