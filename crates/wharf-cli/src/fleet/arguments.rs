//! The command line of `wharf rebase plan`, `apply`, `status`, `rollback` and `report`.
use super::source::SourceName;
use clap::{Args, Subcommand, ValueEnum};
use std::{path::PathBuf, str::FromStr};
use wharf_fleet::{Pattern, apply::MaxFailures, journal::Shard};
use wharf_spec::reference::Reference;

const SOURCE_HELP: &str = "Where images are: harbor://HOST[/PROJECT-PATTERN], registry://HOST[/REPOSITORY-PATTERN], \
    file:PATH or - with one reference per line, oci:DIR, or a reference";

/// Tags that `--keep-tag` is meant to make.
const KEPT_TAGS: &str = "pre-rebase-*";

/// The commands about many images.
#[derive(Debug, Subcommand)]
pub enum FleetCommand {
    /// Say what would be done to each image of a fleet, and why
    Plan(PlanArguments),
    /// Do what a plan says
    Apply(Box<ApplyArguments>),
    /// Measure a fleet anew: how many images still stand on an old base
    Status(StatusArguments),
    /// Put old images back under the tags that still are as apply left them
    Rollback(RollbackArguments),
    /// Say who did what, when, and why not
    Report(ReportArguments),
}

/// What is looked at.
#[derive(Debug, Args)]
pub struct FleetArguments {
    /// Where images are.
    #[arg(value_name = "SOURCE", required = true, help = SOURCE_HELP)]
    pub source: Vec<SourceName>,
    /// The new base
    #[arg(long, value_name = "REFERENCE")]
    pub run_image: Reference,
    /// Base that is replaced; all others stay; may be repeated
    #[arg(long, value_name = "REFERENCE")]
    pub from: Vec<Reference>,
    /// Look only at tags that match; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub tag: Vec<Pattern>,
    /// Leave out tags that match; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern, default_value = KEPT_TAGS)]
    pub except_tag: Vec<Pattern>,
    /// Look only at repositories (HOST/REPOSITORY) that match; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub only: Vec<Pattern>,
    /// List images without tags, too
    #[arg(long)]
    pub untagged: bool,
    /// File with what is allowed
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Write metrics for Prometheus
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// Write JSON to standard output
    #[arg(long)]
    pub json: bool,
}

/// `wharf rebase plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// What is looked at.
    #[command(flatten)]
    pub fleet: FleetArguments,
    /// Where the plan goes
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where a page for browsers goes
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// What comes first
    #[arg(long, value_enum, default_value_t = OrderName::Pulled)]
    pub order: OrderName,
    /// Repository, tag or REPOSITORY:TAG that comes before all others; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub first: Vec<Pattern>,
    /// Time to write into the plan; without it the same state gives the same plan
    #[arg(long, value_name = "TIME")]
    pub made: Option<String>,
    /// Images that are shown
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub show: usize,
}

/// Orders of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OrderName {
    /// Most recently pulled first
    Pulled,
    /// Most recently pushed first
    Pushed,
    /// By name
    Name,
}

/// `wharf rebase status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    /// What is looked at.
    #[command(flatten)]
    pub fleet: FleetArguments,
}

/// A plan and its journal.
#[derive(Debug, Args)]
pub struct PlanFile {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where is kept what was done, instead of beside the plan
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Take a plan that was changed after it was made
    #[arg(long)]
    pub accept_edited: bool,
    /// OCI layout directory that the plan was made of; may be repeated
    #[arg(long, value_name = "oci:DIR")]
    pub layout: Vec<crate::location::Location>,
}

/// `wharf rebase apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The plan.
    #[command(flatten)]
    pub file: PlanFile,
    /// Images that are rebased and looked at before all others
    #[arg(long, value_name = "N|PATTERN")]
    pub canary: Option<CanaryName>,
    /// Command that gets the reference of a canary and ends with 0 when it does its work
    #[arg(long, value_name = "COMMAND", requires = "canary")]
    pub verify_command: Option<String>,
    /// Images at a time on one registry
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub parallel: usize,
    /// Images at a time in one project
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub per_project: usize,
    /// Images that are begun per second at most
    #[arg(long, value_name = "N")]
    pub rate: Option<u32>,
    /// Stop when more images than this fail
    #[arg(long, value_name = "N|P%")]
    pub max_failures: Option<MaxFailures>,
    /// Further tag for the image that is replaced; {date} is today
    #[arg(long, value_name = "TAG")]
    pub keep_tag: Option<String>,
    /// Look at everything, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only repositories, tags or REPOSITORY:TAG that match; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub only: Vec<Pattern>,
    /// Only a part of the plan: the Kth of N
    #[arg(long, value_name = "K/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Attempts per image when a registry is overloaded or away
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub attempts: u32,
    /// File with what is allowed
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Who does it, for the journal
    #[arg(long = "as", value_name = "WHO")]
    pub who: Option<String>,
    /// Write metrics for Prometheus
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    /// Write a line of JSON per event
    #[arg(long)]
    pub json: bool,
}

/// `wharf rebase rollback`.
#[derive(Debug, Args)]
pub struct RollbackArguments {
    /// The plan.
    #[command(flatten)]
    pub file: PlanFile,
    /// Only repositories that match; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub only: Vec<Pattern>,
    /// Look at everything, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Who does it, for the journal
    #[arg(long = "as", value_name = "WHO")]
    pub who: Option<String>,
}

/// `wharf rebase report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The plan.
    #[command(flatten)]
    pub file: PlanFile,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
    /// Write metrics for Prometheus
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
}

/// `--canary`.
#[derive(Debug, Clone)]
pub enum CanaryName {
    /// The first so many.
    First(usize),
    /// All that match.
    Matching(Pattern),
}

impl FromStr for CanaryName {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(count) => Self::First(count),
            Err(_) => Self::Matching(Pattern::new(text)),
        })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "clap asks for a Result")]
pub(crate) fn pattern(text: &str) -> Result<Pattern, String> {
    Ok(Pattern::new(text))
}

fn shard(text: &str) -> Result<Shard, String> {
    let numbers = text.split_once('/').and_then(|(number, of)| {
        let (number, of): (u32, u32) = (number.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&number).then_some(Shard { number, of })
    });
    numbers.ok_or_else(|| format!("'{text}' is not K/N with K from 1 to N"))
}
