//! The words after `cargo xtask bench fleet`.
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// What to measure, against whom, and where to.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// Smaller fleets.
    pub(super) quick: bool,
    /// File for the rows as JSON.
    pub(super) json: Option<PathBuf>,
    /// A rebaser of others: a command in which `{image}` and `{run-image}` are replaced, run once per image.
    pub(super) peer: Option<String>,
    /// Directory with `wharf` and `lifecycle`; they are built when not given.
    pub(super) wharf: Option<PathBuf>,
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || {
                let value = args
                    .next()
                    .with_context(|| format!("{arg} needs a value"))?;
                Ok::<_, anyhow::Error>(value.clone())
            };
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = Some(value()?.into()),
                "--peer" => options.peer = Some(value()?),
                "--wharf" => options.wharf = Some(std::path::absolute(value()?)?),
                other => bail!(
                    "bench fleet does not know {other}; it takes --quick, --json FILE, --peer COMMAND and --wharf DIR"
                ),
            }
        }
        Ok(options)
    }
}
