//! Inputs that do not belong to one phase.
use super::{InputError, Resolver};
use crate::{
    console::Threshold,
    flags::{self, Origin, RawInputs, Row, ValueError},
};
use std::{path::PathBuf, time::Duration};
use wharf_harbor::Mode;
use wharf_spec::{env_var, reference::Reference};

/// What `-log-level` and `-no-color` say; needed before anything is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Common {
    pub(crate) threshold: Threshold,
    pub(crate) colour: bool,
}

impl Common {
    pub(crate) fn resolve(raw: &RawInputs) -> Result<Self, InputError> {
        let (origin, text) = raw
            .text(&flags::LOG_LEVEL)?
            .unwrap_or((Origin::Default(flags::LOG_LEVEL.name), "info".to_owned()));
        let threshold =
            Threshold::parse(text.trim()).ok_or(InputError::LogLevel { origin, text })?;
        Ok(Self {
            threshold,
            colour: !raw.bool(&flags::NO_COLOR)?,
        })
    }
}

/// `-uid` and `-gid`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
}

impl Ids {
    pub(crate) fn resolve(raw: &RawInputs) -> Result<Self, ValueError> {
        Ok(Self {
            uid: raw.number(&flags::UID)?,
            gid: raw.number(&flags::GID)?,
        })
    }
}

/// Where images live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Images {
    /// Root of the OCI layouts, in layout mode.
    pub(crate) layout: Option<PathBuf>,
    /// Prefixes of insecure images.
    pub(crate) insecure: Vec<String>,
    /// Whether registries are asked for what only Harbor knows.
    pub(crate) harbor: Mode,
    /// Bytes of a blob in one request.
    pub(crate) chunk_size: Option<u64>,
    /// How long one blob may take.
    pub(crate) transfer_timeout: Option<Duration>,
    /// What is to be said about it.
    pub(crate) warnings: Vec<String>,
}

impl Images {
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        let raw = resolver.raw;
        if raw.bool(&flags::DAEMON)? {
            return Err(InputError::Daemon {
                origin: origin(raw, &flags::DAEMON)?,
            });
        }
        let mut warnings = Vec::new();
        if raw.given(&flags::LAUNCH_CACHE)?.is_some() {
            warnings.push("Ignoring -launch-cache, only intended for use with -daemon".to_owned());
        }
        let mut layout = None;
        if raw.bool(&flags::LAYOUT)? {
            warnings.extend(experimental(raw, "export to OCI layout format")?);
            let root = resolver.optional_path(&flags::LAYOUT_DIR)?;
            layout = Some(root.ok_or(InputError::LayoutWithoutDir {
                origin: origin(raw, &flags::LAYOUT)?,
            })?);
        }
        Ok(Self {
            layout,
            insecure: raw.list(&flags::INSECURE_REGISTRY)?,
            harbor: match raw.environment.text(env_var::HARBOR)? {
                Some(text) => text.trim().parse().map_err(InputError::Harbor)?,
                None => Mode::default(),
            },
            chunk_size: resolver.size(env_var::UPLOAD_CHUNK_SIZE)?,
            transfer_timeout: resolver.seconds(env_var::TRANSFER_TIMEOUT)?,
            warnings,
        })
    }
}

fn origin(raw: &RawInputs, row: &Row) -> Result<Origin, ValueError> {
    let given = raw.given(row)?;
    Ok(given.map_or(Origin::Default(row.name), |(origin, _)| origin))
}

/// Lets an experimental feature pass, perhaps with a warning (platform spec, "Experimental Features").
fn experimental(raw: &RawInputs, feature: &'static str) -> Result<Option<String>, InputError> {
    match raw.environment.text(env_var::EXPERIMENTAL_MODE)? {
        Some("quiet" | "silent") => Ok(None),
        Some("warn") => Ok(Some(format!(
            "Platform requested experimental feature '{feature}'"
        ))),
        None | Some("error") => Err(InputError::Experimental { feature }),
        Some(other) => Err(InputError::ExperimentalMode(other.to_owned())),
    }
}

/// Where the run image is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunFile {
    /// `stack.toml`.
    Stack(PathBuf),
    /// `run.toml`.
    Run(PathBuf),
}

/// The cache of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CacheChoice {
    /// None.
    Nothing,
    /// A directory.
    Directory(PathBuf),
    /// An image, always in a registry.
    Image(Reference),
}

impl CacheChoice {
    /// An image wins over a directory.
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        let text = resolver.raw.given(&flags::CACHE_IMAGE)?;
        if let Some((origin, text)) = text {
            let reference = text
                .parse()
                .map_err(|source| InputError::Reference { origin, source })?;
            return Ok(Self::Image(reference));
        }
        let directory = resolver.optional_path(&flags::CACHE_DIR)?;
        Ok(directory.map_or(Self::Nothing, Self::Directory))
    }

    pub(crate) fn image(&self) -> Option<&Reference> {
        match self {
            Self::Image(reference) => Some(reference),
            Self::Nothing | Self::Directory(_) => None,
        }
    }
}
