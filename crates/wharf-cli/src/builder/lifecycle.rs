//! The lifecycle that goes into a builder: a directory or archive in the form that pack takes.
use super::{
    archive::{self, Item},
    config::BuilderConfig,
};
use crate::{console::Hint, files};
use anyhow::{Context, Result, anyhow};
use std::{
    fs::File,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use wharf_layer::{
    blob::decompress,
    extract::{ExtractOptions, extract},
};
use wharf_spec::{files::lifecycle::LifecycleDescriptor, paths::LIFECYCLE_DIR};

/// Without these no build can run.
const NEEDED: [&str; 7] = [
    "analyzer", "detector", "restorer", "builder", "exporter", "creator", "launcher",
];

/// A lifecycle on disk.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    dir: PathBuf,
    pub(crate) descriptor: LifecycleDescriptor,
    /// Holds what was unpacked.
    _unpacked: Option<TempDir>,
}

/// The lifecycle that the command line or `config` names.
pub(crate) fn open(config: &BuilderConfig, base: &Path, given: Option<&Path>) -> Result<Lifecycle> {
    let path = match (given, &config.lifecycle.uri) {
        (Some(path), _) => path.to_owned(),
        (None, Some(uri)) => base.join(uri.strip_prefix("file://").unwrap_or(uri)),
        (None, None) => {
            let asked = config.lifecycle.version.as_deref();
            let what = asked.map_or_else(
                || "none is named".into(),
                |v| format!("version {v} is not on this machine"),
            );
            return Err(anyhow!("find a lifecycle: {what}").context(Hint(
                "name a directory or .tgz with --lifecycle or [lifecycle] uri; `cargo xtask dist` makes one".into(),
            )));
        }
    };
    let lifecycle = load(&path).with_context(|| format!("use lifecycle '{}'", path.display()))?;
    Ok(lifecycle)
}

fn load(path: &Path) -> Result<Lifecycle> {
    let (dir, unpacked) = if path.is_dir() {
        (path.to_owned(), None)
    } else {
        let unpacked = unpack(path)?;
        (unpacked.path().to_owned(), Some(unpacked))
    };
    let descriptor: LifecycleDescriptor = files::read_toml(&dir.join("lifecycle.toml"))?;
    let programs = dir.join("lifecycle");
    if let Some(missing) = NEEDED.iter().find(|name| !programs.join(name).is_file()) {
        return Err(anyhow!("it has no 'lifecycle/{missing}'"));
    }
    if descriptor.lifecycle.version.is_empty() {
        return Err(anyhow!("its lifecycle.toml has no [lifecycle] version"));
    }
    Ok(Lifecycle {
        dir: programs,
        descriptor,
        _unpacked: unpacked,
    })
}

fn unpack(path: &Path) -> Result<TempDir> {
    let temp = TempDir::with_prefix("lifecycle-")?;
    let file = File::open(path)?;
    let mut archive = decompress(Box::new(file))?;
    let options = ExtractOptions {
        strip: PathBuf::from("/"),
        whiteouts: false,
        owners: false,
        times: false,
        max_entries: 1000,
        max_bytes: 1 << 30,
    };
    extract(&mut archive, temp.path(), &options)?;
    Ok(temp)
}

impl Lifecycle {
    pub(crate) fn version(&self) -> &str {
        &self.descriptor.lifecycle.version
    }

    /// The layer with the lifecycle.
    pub(crate) fn entries(&self) -> Result<Vec<Item>> {
        let mut items = archive::parents(LIFECYCLE_DIR);
        items.extend(archive::tree(&self.dir, LIFECYCLE_DIR)?);
        Ok(items)
    }
}
