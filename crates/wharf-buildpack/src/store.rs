//! Buildpacks by id and version below the buildpacks directory (platform spec, "Buildpacks Directory Layout").
use crate::{
    file::{self, FileError},
    target,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use wharf_spec::{
    api::{ApiError, BuildpackApi},
    files::descriptor::{ApiOnly, BuildpackDescriptor},
    id::{BuildpackId, full_name},
    target::SupportedTarget,
};

/// A buildpack on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buildpack {
    /// Its directory.
    pub dir: PathBuf,
    /// The API it speaks.
    pub api: BuildpackApi,
    /// Its `buildpack.toml`.
    pub descriptor: BuildpackDescriptor,
    /// The targets it supports, declared or inferred; empty means any.
    pub targets: Vec<SupportedTarget>,
}

impl Buildpack {
    /// Whether it stands for an order of other buildpacks.
    pub fn is_composite(&self) -> bool {
        !self.descriptor.order.is_empty()
    }

    /// `<id>@<version>` of the descriptor.
    pub fn full_name(&self) -> String {
        let info = &self.descriptor.buildpack;
        full_name(&info.id, &info.version)
    }

    /// Path of `bin/detect`.
    pub fn detect_program(&self) -> PathBuf {
        self.dir.join("bin/detect")
    }

    /// Path of `bin/build`.
    pub fn build_program(&self) -> PathBuf {
        self.dir.join("bin/build")
    }
}

/// A buildpack that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such buildpack.
    #[error(
        "find buildpack '{buildpack}': there is no '{}'; check the order and the buildpacks directory",
        path.display()
    )]
    Missing {
        /// `<id>@<version>`, or the id alone.
        buildpack: String,
        /// The file that was looked for.
        path: PathBuf,
    },
    /// No version was asked for and there are several.
    #[error(
        "choose a version of buildpack '{id}': '{}' holds {versions}; name one in the order",
        path.display()
    )]
    Ambiguous {
        /// The id.
        id: String,
        /// The directory of its versions.
        path: PathBuf,
        /// The versions found.
        versions: String,
    },
    /// It speaks an API this lifecycle does not.
    #[error("use buildpack '{buildpack}' of '{}'", path.display())]
    Api {
        /// `<id>@<version>`.
        buildpack: String,
        /// Its descriptor.
        path: PathBuf,
        /// Which API.
        #[source]
        source: ApiError,
    },
    /// Its descriptor is not what it should be.
    #[error("load buildpack '{buildpack}'")]
    Descriptor {
        /// `<id>@<version>`.
        buildpack: String,
        /// What is wrong with it.
        #[source]
        source: FileError,
    },
    /// The directory of its versions cannot be listed.
    #[error("list '{}'", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// The buildpacks directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildpackStore {
    dir: PathBuf,
}

impl BuildpackStore {
    /// Buildpacks below `dir`, an absolute path.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Loads `<dir>/<escaped id>/<version>`; an empty version means the only one there is.
    ///
    /// The API is judged first: a file of an unknown API may look like anything.
    pub fn load(&self, id: &BuildpackId, version: &str) -> Result<Buildpack, StoreError> {
        let versions = self.dir.join(id.dir_name());
        let dir = if version.is_empty() {
            only_version(id, &versions)?
        } else {
            versions.join(version)
        };
        let buildpack = if version.is_empty() {
            id.to_string()
        } else {
            full_name(id, version)
        };
        load(dir, buildpack)
    }
}

fn load(dir: PathBuf, buildpack: String) -> Result<Buildpack, StoreError> {
    let path = dir.join("buildpack.toml");
    let text = match file::read_text(&path) {
        Ok(Some(text)) => text,
        Ok(None) => return Err(StoreError::Missing { buildpack, path }),
        Err(source) => return Err(StoreError::Descriptor { buildpack, source }),
    };
    let api: ApiOnly = match file::parse_text(&path, &text) {
        Ok(api) => api,
        Err(source) => return Err(StoreError::Descriptor { buildpack, source }),
    };
    let api = match api.api.parse() {
        Ok(api) => api,
        Err(source) => {
            return Err(StoreError::Api {
                buildpack,
                path,
                source,
            });
        }
    };
    let descriptor: BuildpackDescriptor = file::parse_text(&path, &text)
        .map_err(|source| StoreError::Descriptor { buildpack, source })?;
    let targets = target::supported(&descriptor, api, &dir);
    Ok(Buildpack {
        dir,
        api,
        descriptor,
        targets,
    })
}

fn only_version(id: &BuildpackId, path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |source: io::Error| {
        if source.kind() == io::ErrorKind::NotFound {
            StoreError::Missing {
                buildpack: id.to_string(),
                path: path.to_owned(),
            }
        } else {
            StoreError::List {
                path: path.to_owned(),
                source,
            }
        }
    };
    let entries: Vec<_> = fs::read_dir(path)
        .and_then(Iterator::collect)
        .map_err(failed)?;
    match entries.as_slice() {
        [] => Err(StoreError::Missing {
            buildpack: id.to_string(),
            path: path.join("<version>/buildpack.toml"),
        }),
        [only] => Ok(only.path()),
        several => {
            let mut names: Vec<String> = several
                .iter()
                .map(|entry| entry.file_name().display().to_string())
                .collect();
            names.sort();
            Err(StoreError::Ambiguous {
                id: id.to_string(),
                path: path.to_owned(),
                versions: names.join(", "),
            })
        }
    }
}
