//! Steps that several phases share: paths, references and names.
use super::{InputError, RunFile, size};
use crate::flags::{self, Default, Origin, RawInputs, Row};
use std::{
    path::{Component, Path, PathBuf},
    time::Duration,
};
use wharf_image::{ImageStore, TagRace};
use wharf_layout::LayoutStore;
use wharf_spec::{
    api::{PlatformFeatures, RunImageSource},
    env_var,
    id::ExecEnv,
    reference::Reference,
};

/// What is known of the machine.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    /// The working directory.
    pub(crate) working_dir: PathBuf,
    /// Whether a file exists.
    pub(crate) exists: fn(&Path) -> bool,
}

/// Resolves the inputs of one invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolver<'a> {
    pub(crate) raw: &'a RawInputs,
    pub(crate) surroundings: &'a Surroundings,
}

impl Resolver<'_> {
    pub(crate) fn features(&self) -> PlatformFeatures {
        self.raw.api.features()
    }

    /// An absolute path without `.`, `..` and doubled or closing slashes: it becomes part of the image.
    pub(crate) fn absolute(&self, path: &str) -> PathBuf {
        let joined = self.surroundings.working_dir.join(path);
        let mut clean = PathBuf::from("/");
        for component in joined.components() {
            match component {
                Component::Normal(name) => clean.push(name),
                Component::ParentDir => {
                    clean.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        clean
    }

    pub(crate) fn layers(&self) -> Result<PathBuf, InputError> {
        self.path(&flags::LAYERS)
    }

    /// The path given, else its default.
    pub(crate) fn path(&self, row: &Row) -> Result<PathBuf, InputError> {
        if let Some((_, text)) = self.raw.given(row)? {
            return Ok(self.absolute(&text));
        }
        Ok(match row.default {
            Default::Text(text) => PathBuf::from(text),
            Default::InLayers(file) => self.layers()?.join(file),
            Default::Nothing => self.layers()?,
            Default::Order(path) => {
                let own = self.layers()?.join("order.toml");
                if (self.surroundings.exists)(&own) {
                    own
                } else {
                    PathBuf::from(path)
                }
            }
        })
    }

    /// The path where the Platform API knows it.
    pub(crate) fn path_where(&self, known: bool, row: &Row) -> Result<Option<PathBuf>, InputError> {
        known.then(|| self.path(row)).transpose()
    }

    /// The path given, if any.
    pub(crate) fn optional_path(&self, row: &Row) -> Result<Option<PathBuf>, InputError> {
        Ok(self.raw.given(row)?.map(|(_, text)| self.absolute(&text)))
    }

    /// The reference given, if any.
    pub(crate) fn reference(&self, row: &Row) -> Result<Option<Reference>, InputError> {
        match self.raw.given(row)? {
            Some((origin, text)) => self.parse_reference(origin, &text).map(Some),
            None => Ok(None),
        }
    }

    /// A reference, or in layout mode the path of a layout directory.
    fn parse_reference(&self, origin: Origin, text: &str) -> Result<Reference, InputError> {
        if let Some(root) = self.layout_root()?.filter(|_| text.starts_with('/')) {
            return LayoutStore::new(root)
                .locate(text)
                .map_err(|source| InputError::LayoutPath { origin, source });
        }
        text.parse()
            .map_err(|source| InputError::Reference { origin, source })
    }

    fn layout_root(&self) -> Result<Option<PathBuf>, InputError> {
        if self.raw.bool(&flags::LAYOUT)? {
            self.optional_path(&flags::LAYOUT_DIR)
        } else {
            Ok(None)
        }
    }

    /// Every image to write: arguments, then `-tag`; all on one registry.
    pub(crate) fn outputs(&self) -> Result<Vec<Reference>, InputError> {
        let mut outputs = Vec::new();
        for text in self.raw.positionals() {
            outputs.push(text.parse::<Reference>().map_err(InputError::Image)?);
        }
        for text in self.raw.list(&flags::TAG)? {
            let tag = text.parse().map_err(|source| InputError::Reference {
                origin: Origin::Flag(flags::TAG.name),
                source,
            })?;
            outputs.push(tag);
        }
        let first = outputs.first().ok_or(InputError::NoImage)?;
        let other = outputs
            .iter()
            .find(|other| other.registry() != first.registry());
        match other {
            Some(other) => Err(InputError::MultipleRegistries {
                first: first.to_string(),
                other: other.to_string(),
            }),
            None => Ok(outputs),
        }
    }

    /// The same where an image is written: what its digest will be, nobody knows.
    pub(crate) fn tags(&self) -> Result<Vec<Reference>, InputError> {
        let outputs = self.outputs()?;
        match outputs.iter().find(|output| output.digest().is_some()) {
            Some(output) => Err(InputError::DigestToWrite {
                image: output.to_string(),
            }),
            None => Ok(outputs),
        }
    }

    pub(crate) fn run_file(&self) -> Result<RunFile, InputError> {
        Ok(match self.features().run_image_source {
            RunImageSource::StackToml => RunFile::Stack(self.path(&flags::STACK)?),
            RunImageSource::RunToml => RunFile::Run(self.path(&flags::RUN)?),
        })
    }

    pub(crate) fn skip_layers(&self) -> Result<bool, InputError> {
        Ok(self.raw.bool(&flags::SKIP_LAYERS)? || self.raw.bool(&flags::SKIP_RESTORE)?)
    }

    /// The bytes a variable names; none when it is not set.
    pub(crate) fn size(&self, variable: &'static str) -> Result<Option<u64>, InputError> {
        let text = self.raw.environment.text(variable)?.unwrap_or_default();
        if text.trim().is_empty() {
            return Ok(None);
        }
        let bytes = size::parse(text).ok_or_else(|| InputError::Size {
            variable,
            text: text.to_owned(),
        })?;
        Ok(Some(bytes))
    }

    /// The seconds a variable names; none when it is not set.
    pub(crate) fn seconds(&self, variable: &'static str) -> Result<Option<Duration>, InputError> {
        let text = self.raw.environment.text(variable)?.unwrap_or_default();
        match text.trim() {
            "" => Ok(None),
            number => match number.parse() {
                Ok(seconds) if seconds > 0 => Ok(Some(Duration::from_secs(seconds))),
                _ => Err(InputError::Seconds {
                    variable,
                    text: text.to_owned(),
                }),
            },
        }
    }

    /// What happens to a tag that another build wrote meanwhile.
    pub(crate) fn tag_race(&self) -> Result<TagRace, InputError> {
        let text = self.raw.environment.text(env_var::TAG_RACE)?;
        match text.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => text.parse().map_err(InputError::TagRace),
            None => Ok(TagRace::default()),
        }
    }

    /// The execution environment, where the Platform API has them.
    pub(crate) fn exec_env(&self) -> Result<Option<ExecEnv>, InputError> {
        if !self.features().exec_env {
            return Ok(None);
        }
        match self.raw.environment.text(env_var::EXEC_ENV)? {
            Some(text) => text.trim().parse().map(Some).map_err(InputError::ExecEnv),
            None => Ok(Some(ExecEnv::production())),
        }
    }
}
