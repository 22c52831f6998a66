//! A lifecycle that is measured.
use super::stage::API;
use crate::process;
use anyhow::{Context, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Executables of a lifecycle.
#[derive(Debug, Clone)]
pub(super) struct Side {
    /// A name of five letters, so that all paths are as long on every side.
    pub(super) name: &'static str,
    /// What it says it is.
    pub(super) version: String,
    dir: PathBuf,
}

impl Side {
    pub(super) fn new(name: &'static str, dir: &Path) -> Result<Self> {
        let mut side = Self {
            name,
            version: String::new(),
            dir: dir.to_path_buf(),
        };
        for phase in [
            "analyzer", "detector", "restorer", "builder", "exporter", "creator", "rebaser",
            "launcher",
        ] {
            let path = side.executable(phase);
            ensure!(path.exists(), "there is no {}", path.display());
        }
        let mut ask = Command::new(side.executable("exporter"));
        let said = process::capture(ask.arg("-version").env("CNB_PLATFORM_API", API))
            .context("ask for the version")?;
        side.version = format!("{name} {}", said.trim());
        Ok(side)
    }

    /// Where a phase or the launcher is.
    pub(super) fn executable(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether it is the one that bars are about.
    pub(super) fn is_ours(&self) -> bool {
        self.name == "wharf"
    }
}
