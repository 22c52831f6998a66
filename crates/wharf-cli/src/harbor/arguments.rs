//! The command lines of `wharf quota` and `wharf prune`.
use crate::fleet::arguments::pattern;
use clap::Args;
use std::{path::PathBuf, str::FromStr};
use wharf_fleet::Pattern;
use wharf_spec::digest::Digest;

/// `wharf quota`.
#[derive(Debug, Args)]
pub struct QuotaArguments {
    /// Harbor, for all its projects, or one project with its repositories
    #[arg(value_name = "HOST[/PROJECT]")]
    pub target: String,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// `wharf prune`.
#[derive(Debug, Args)]
pub struct PruneArguments {
    /// Repository, or project with all its repositories
    #[arg(value_name = "HOST/PROJECT[/REPOSITORY]")]
    pub target: String,
    /// Newest images of each repository that stay, tagged or not
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub keep: usize,
    /// Images with such a tag do not count among the newest; tagged images stay anyway; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub keep_tag: Vec<Pattern>,
    /// Image that stays; may be repeated
    #[arg(long, value_name = "DIGEST")]
    pub keep_digest: Vec<Digest>,
    /// Only images pushed longer ago than this go, such as 12h, 30d or 4w
    #[arg(long, value_name = "TIME")]
    pub older_than: Option<Age>,
    /// File with references or digests of running images, one per line, which stay; - reads standard input
    #[arg(long, value_name = "FILE|-")]
    pub in_use: Vec<PathBuf>,
    /// Only show what would go and what that would free
    #[arg(long)]
    pub dry_run: bool,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// A span of time in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub u64);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [
            ('s', 1),
            ('m', 60),
            ('h', 3600),
            ('d', 86_400),
            ('w', 604_800),
        ];
        units
            .iter()
            .find_map(|(unit, seconds)| {
                let count: u64 = text.strip_suffix(*unit)?.parse().ok()?;
                count.checked_mul(*seconds).map(Age)
            })
            .ok_or_else(|| "write a number with s, m, h, d or w, such as 30d".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_numbers_with_units() {
        let seconds = |text: &str| text.parse::<Age>().ok().map(|age| age.0);
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("12h"), Some(43_200));
        assert_eq!(seconds("30d"), Some(2_592_000));
        assert_eq!(seconds("4w"), Some(2_419_200));
        for wrong in ["", "d", "30", "-1d", "1y", "99999999999999999999d"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
