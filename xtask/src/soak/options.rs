//! The words after `cargo xtask soak`.
use anyhow::{Context, Result, bail, ensure};
use std::{path::PathBuf, str::FromStr};

/// What to do, and how rough the way is.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    /// Decides what is built, what is killed, and which requests meet faults.
    pub(super) seed: u64,
    /// Builds; rebases come on top.
    pub(super) builds: usize,
    /// Share of the requests that meet a fault, 0 to 1.
    pub(super) fault_rate: f64,
    /// What `cargo xtask dist` made, which makes it when not given.
    pub(super) dist: Option<PathBuf>,
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self {
            seed: 1,
            builds: 200,
            fault_rate: 0.05,
            dist: None,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--seed" => options.seed = number(arg, value()?)?,
                "--builds" => options.builds = number(arg, value()?)?,
                "--fault-rate" => options.fault_rate = number(arg, value()?)?,
                "--dist" => options.dist = Some(std::path::absolute(value()?)?),
                other => bail!(
                    "soak does not know {other}; it takes --seed N, --builds N, --fault-rate P and --dist DIR"
                ),
            }
        }
        ensure!(
            (0.0..=1.0).contains(&options.fault_rate),
            "--fault-rate is a share between 0 and 1, such as 0.05"
        );
        ensure!(options.builds > 0, "--builds takes at least 1");
        Ok(options)
    }
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T> {
    let parsed = text.parse().ok();
    parsed.with_context(|| format!("{name} takes a number, not '{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Options::parse(&words)
    }

    #[test]
    fn seed_builds_and_rate_are_numbers() {
        let options = parse(&["--seed", "7", "--builds", "12", "--fault-rate", "0.2"]).unwrap();
        let expected = Options {
            seed: 7,
            builds: 12,
            fault_rate: 0.2,
            dist: None,
        };
        assert_eq!(options, expected);
        let said = |words: &[&str]| parse(words).unwrap_err().to_string();
        assert_eq!(said(&["--seed", "x"]), "--seed takes a number, not 'x'");
        assert_eq!(said(&["--builds"]), "--builds needs a value");
        assert_eq!(
            said(&["--fault-rate", "5"]),
            "--fault-rate is a share between 0 and 1, such as 0.05"
        );
    }
}
