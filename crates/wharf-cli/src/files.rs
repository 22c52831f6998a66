//! Reading and writing small files.
use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

/// No file that people write by hand is larger.
const LARGEST: u64 = 4 << 20;

/// The text of a file of bounded size.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let read = || -> Result<String> {
        let mut text = String::new();
        let size = File::open(path)?
            .take(LARGEST + 1)
            .read_to_string(&mut text)?;
        if size as u64 > LARGEST {
            bail!("it is larger than {LARGEST} bytes");
        }
        Ok(text)
    };
    read().with_context(|| format!("read '{}'", path.display()))
}

/// A TOML file; the error names line and column.
pub(crate) fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = read_text(path)?;
    wharf_spec::files::parse(&text).with_context(|| format!("parse '{}'", path.display()))
}

/// Writes a file that is complete whenever it can be seen.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let write = || -> Result<()> {
        let parent = path.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(parent)?;
        let mut file = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(parent)?;
        file.write_all(content)?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("write '{}'", path.display()))
}
