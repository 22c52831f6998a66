//! The pages of `docs/` that are printed from tables.
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::{fs, path::PathBuf};

/// Writes the generated pages.
pub(crate) fn write() -> Result<()> {
    for (path, text) in pages() {
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Fails when a page on disk is not what the tables print.
pub(crate) fn check() -> Result<()> {
    for (path, text) in pages() {
        if fs::read_to_string(&path).unwrap_or_default() != text {
            bail!("{} is out of date; run cargo xtask docs", path.display());
        }
    }
    Ok(())
}

fn pages() -> Vec<(PathBuf, String)> {
    let docs = workspace::root().join("docs");
    vec![
        (
            docs.join("flags.md"),
            wharf_lifecycle::docs::flags_markdown(),
        ),
        (
            docs.join("exit-codes.md"),
            wharf_lifecycle::docs::exit_codes_markdown(),
        ),
        (
            docs.join("api-versions.md"),
            wharf_lifecycle::docs::api_versions_markdown(),
        ),
    ]
}
