//! Inputs of `exporter`.
use super::{CacheChoice, InputError, Resolver, RunFile};
use crate::{flags, phase::Phase};
use std::path::PathBuf;
use wharf_image::TagRace;
use wharf_layer::Method;
use wharf_spec::{env_var, id::ExecEnv, paths::BUILD_METADATA, reference::Reference};

/// Everything the exporter is told.
#[derive(Debug, Clone)]
pub(crate) struct Export {
    pub(crate) outputs: Vec<Reference>,
    pub(crate) app: PathBuf,
    pub(crate) layers: PathBuf,
    pub(crate) analyzed: PathBuf,
    pub(crate) group: PathBuf,
    pub(crate) metadata: PathBuf,
    pub(crate) launcher: PathBuf,
    pub(crate) launcher_sbom: PathBuf,
    pub(crate) process_type: Option<String>,
    pub(crate) project_metadata: PathBuf,
    pub(crate) report: PathBuf,
    pub(crate) run_file: RunFile,
    /// Named although the analyzer decides; it must be the analyzer's.
    pub(crate) run_image: Option<Reference>,
    pub(crate) cache: CacheChoice,
    pub(crate) parallel: bool,
    /// Seconds since 1970.
    pub(crate) created: Option<u64>,
    pub(crate) exec_env: ExecEnv,
    /// How layers are compressed.
    pub(crate) compression: Method,
    /// Bytes the cache may have.
    pub(crate) cache_limit: Option<u64>,
    /// Whether the image that is superseded is deleted.
    pub(crate) prune_previous: bool,
    /// What happens to a tag that another build wrote meanwhile.
    pub(crate) tag_race: TagRace,
    pub(crate) warnings: Vec<String>,
}

impl Export {
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        let raw = resolver.raw;
        let layers = resolver.layers()?;
        let mut warnings = Vec::new();
        Ok(Self {
            outputs: resolver.tags()?,
            app: resolver.path(&flags::APP)?,
            metadata: layers.join(BUILD_METADATA),
            layers,
            analyzed: resolver.path(&flags::ANALYZED)?,
            group: resolver.path(&flags::GROUP)?,
            launcher: resolver.path(&flags::LAUNCHER)?,
            launcher_sbom: resolver.path(&flags::LAUNCHER_SBOM)?,
            process_type: raw.given(&flags::PROCESS_TYPE)?.map(|(_, text)| text),
            project_metadata: resolver.path(&flags::PROJECT_METADATA)?,
            report: resolver.path(&flags::REPORT)?,
            run_file: resolver.run_file()?,
            run_image: named_run_image(resolver)?,
            cache: CacheChoice::resolve(resolver)?,
            parallel: raw.bool(&flags::PARALLEL)?,
            created: created(resolver, &mut warnings)?,
            exec_env: resolver.exec_env()?.unwrap_or_else(ExecEnv::production),
            compression: compression(resolver)?,
            cache_limit: resolver.size(env_var::CACHE_MAX_SIZE)?,
            prune_previous: prune_previous(resolver)?,
            tag_race: resolver.tag_race()?,
            warnings,
        })
    }

    /// Whether the cache is written beside the app image. A cache directory takes its archives from the very pass that
    /// makes the image, which no second pass beside it could beat.
    pub(crate) fn runs_side_by_side(&self) -> bool {
        self.parallel && matches!(self.cache, CacheChoice::Image(_))
    }

    /// Images whose registries may ask for credentials; the run image is named by `analyzed.toml`.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let cache = self.cache.image().into_iter();
        cache.chain(&self.outputs).cloned().collect()
    }
}

/// The exporter takes the run image of the analyzer. Platforms that always give the flag give it empty, as the variable
/// says, or as `stack.toml` does.
fn named_run_image(resolver: &Resolver<'_>) -> Result<Option<Reference>, InputError> {
    let raw = resolver.raw;
    if raw.phase != Phase::Export {
        return Ok(None);
    }
    if raw.given(&flags::IMAGE)?.is_some() {
        return Err(InputError::ImageUnsupported);
    }
    let given = raw.given(&flags::RUN_IMAGE)?.map(|(_, text)| text);
    if given.as_deref() == raw.environment.text(env_var::RUN_IMAGE)? {
        return Ok(None);
    }
    resolver.reference(&flags::RUN_IMAGE)
}

fn compression(resolver: &Resolver<'_>) -> Result<Method, InputError> {
    let text = resolver.raw.environment.text(env_var::LAYER_COMPRESSION)?;
    text.map_or(Ok(Method::default()), |text| {
        text.parse().map_err(InputError::Compression)
    })
}

fn prune_previous(resolver: &Resolver<'_>) -> Result<bool, InputError> {
    let text = resolver.raw.environment.text(env_var::PRUNE_PREVIOUS)?;
    match text.map(str::trim) {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => Err(InputError::PrunePrevious(other.to_owned())),
    }
}

/// Kept as a warning by the reference: a bad date is no reason to fail a build.
fn created(resolver: &Resolver<'_>, warnings: &mut Vec<String>) -> Result<Option<u64>, InputError> {
    if !resolver.features().source_date_epoch {
        return Ok(None);
    }
    let Some(text) = resolver.raw.environment.text(env_var::SOURCE_DATE_EPOCH)? else {
        return Ok(None);
    };
    let seconds = text.trim().parse().ok();
    if seconds.is_none() {
        warnings.push(format!(
            "Ignoring invalid SOURCE_DATE_EPOCH '{text}', expected seconds since 1970"
        ));
    }
    Ok(seconds)
}
