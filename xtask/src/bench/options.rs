//! The words after `cargo xtask bench`.
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// What to measure, against whom, and where to.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// Directory with another lifecycle's executables.
    pub(super) peer: Option<PathBuf>,
    /// Directory with wharf's executables; `dist` makes them when not given.
    pub(super) lifecycle: Option<PathBuf>,
    /// Smaller corpora, fewer scenarios and runs.
    pub(super) quick: bool,
    /// One scenario, or one of its corpora after a colon.
    pub(super) only: Option<String>,
    /// File for the rows as JSON.
    pub(super) json: Option<PathBuf>,
    /// File for the picture of the growth figures.
    pub(super) chart: Option<PathBuf>,
    /// Where phases read and write; below the target directory when not given. It is removed in the end.
    pub(super) dir: Option<PathBuf>,
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
                "--peer" => options.peer = Some(std::path::absolute(value()?)?),
                "--lifecycle" => options.lifecycle = Some(std::path::absolute(value()?)?),
                "--only" => options.only = Some(value()?),
                "--json" => options.json = Some(value()?.into()),
                "--chart" => options.chart = Some(value()?.into()),
                "--dir" => options.dir = Some(std::path::absolute(value()?)?.join("wharf-bench")),
                other => bail!(
                    "bench does not know {other}; it takes --peer DIR, --lifecycle DIR, --quick, --only SCENARIO[:CORPUS], --json FILE, --chart FILE and --dir DIR"
                ),
            }
        }
        Ok(options)
    }

    /// Whether a scenario on a corpus is wanted.
    pub(super) fn wants(&self, scenario: &str, corpus: &str) -> bool {
        let Some(only) = &self.only else {
            return true;
        };
        match only.split_once(':') {
            Some((name, part)) => name == scenario && part == corpus,
            None => only == scenario,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Options::parse(&words)
    }

    #[test]
    fn a_scenario_is_wanted_by_its_name_or_with_one_of_its_corpora() {
        let wanted = |only: &str| {
            let options = parse(&["--only", only]).unwrap();
            [("first", "b"), ("first", "c"), ("rebuild", "b")]
                .map(|(scenario, corpus)| options.wants(scenario, corpus))
        };
        assert_eq!(wanted("first"), [true, true, false]);
        assert_eq!(wanted("first:c"), [false, true, false]);
    }

    #[test]
    fn a_flag_without_its_value_is_an_error() {
        let error = parse(&["--quick", "--peer"]).unwrap_err().to_string();
        assert_eq!(error, "--peer needs a value");
    }
}
