//! The lifecycle that is judged: a directory with executables.
use super::Pair;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// A directory holding a lifecycle.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The directory: `analyzer`, `detector` … are executables in it.
    pub dir: PathBuf,
    /// Whether it is wharf, so that wharf's own promises are judged too.
    pub is_wharf: bool,
    apis: Option<(BTreeSet<String>, BTreeSet<String>)>,
}

impl Subject {
    /// Reads what it says of itself in a `lifecycle.toml` in or beside the directory, where there is one.
    pub fn open(dir: &Path) -> Result<Self, String> {
        let dir = dir
            .canonicalize()
            .map_err(|error| format!("cannot look into {}: {error}", dir.display()))?;
        let descriptor = [
            dir.join("lifecycle.toml"),
            dir.parent().unwrap_or(&dir).join("lifecycle.toml"),
        ]
        .into_iter()
        .find(|path| path.is_file());
        let apis = descriptor
            .map(|path| read_apis(&path))
            .transpose()?
            .flatten();
        Ok(Self {
            is_wharf: dir.join("lifecycle").is_file(),
            dir,
            apis,
        })
    }

    /// Whether it claims both API versions; a lifecycle that claims nothing is judged on all.
    pub fn supports(&self, pair: Pair) -> bool {
        self.apis.as_ref().is_none_or(|(platform, buildpack)| {
            platform.contains(&format!("0.{}", pair.platform))
                && buildpack.contains(&format!("0.{}", pair.buildpack))
        })
    }
}

type Apis = (BTreeSet<String>, BTreeSet<String>);

fn read_apis(path: &Path) -> Result<Option<Apis>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error| format!("cannot parse {}: {error}", path.display()))?;
    let list = |kind: &str| -> Option<BTreeSet<String>> {
        let apis = table.get("apis")?.get(kind)?;
        Some(
            ["supported", "deprecated"]
                .iter()
                .filter_map(|key| apis.get(key)?.as_array())
                .flatten()
                .filter_map(|api| api.as_str().map(str::to_owned))
                .collect(),
        )
    };
    Ok(list("platform").zip(list("buildpack")))
}
