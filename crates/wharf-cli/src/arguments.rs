//! The command line.
use crate::{
    fleet::arguments::FleetCommand,
    harbor::arguments::{PruneArguments, QuotaArguments},
    location::Location,
    volume::Volume,
};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Source to image without a daemon and without root.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, about, propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of all commands.
    #[command(flatten)]
    pub common: CommonArguments,
}

/// Options of all commands.
#[derive(Debug, Args)]
pub struct CommonArguments {
    /// Directory for what is kept between runs, instead of the user's cache directory
    #[arg(long, global = true, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Registry to reach over plain http or unverified TLS; may be repeated
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub insecure_registry: Vec<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make builder images
    Builder {
        /// What to do with builders.
        #[command(subcommand)]
        command: BuilderCommand,
    },
    /// Build an image from source
    Build(Box<BuildArguments>),
    /// Show what is in an image
    Inspect(InspectArguments),
    /// Put an image, or a whole fleet, onto a new run image
    Rebase(Box<RebaseArguments>),
    /// Show limit and use of a project of Harbor, by repository
    Quota(QuotaArguments),
    /// Delete superseded images from a project of Harbor
    Prune(Box<PruneArguments>),
    /// Run one phase in a sandbox described on standard input
    #[command(hide = true)]
    Phase,
}

/// The commands about builders.
#[derive(Debug, Subcommand)]
pub enum BuilderCommand {
    /// Make a builder image from a builder.toml
    Create(Box<CreateArguments>),
}

/// `wharf builder create`.
#[derive(Debug, Args)]
pub struct CreateArguments {
    /// The builder.toml
    #[arg(value_name = "BUILDER.TOML")]
    pub config: PathBuf,
    /// Where the image goes.
    #[command(flatten)]
    pub output: OutputArguments,
    /// Lifecycle to put in: a directory with lifecycle.toml, or a .tgz of one
    #[arg(long, value_name = "DIR|TGZ")]
    pub lifecycle: Option<PathBuf>,
    /// Build image, instead of the one in builder.toml
    #[arg(long, value_name = "IMAGE")]
    pub build_image: Option<Location>,
}

/// Where an image goes.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct OutputArguments {
    /// OCI layout directory to write to
    #[arg(long, value_name = "oci:DIR[:TAG]", conflicts_with = "tag")]
    pub output: Option<Location>,
    /// Reference to push to; may be repeated
    #[arg(long, short, value_name = "REFERENCE", requires = "publish")]
    pub tag: Vec<Location>,
    /// Push to the registry
    #[arg(long, requires = "tag")]
    pub publish: bool,
}

/// `wharf build`.
#[derive(Debug, Args)]
pub struct BuildArguments {
    /// The app's source; it is not changed
    #[arg(value_name = "DIR", default_value = ".")]
    pub app: PathBuf,
    /// Builder image
    #[arg(long, short = 'B', value_name = "REFERENCE|oci:DIR[:TAG]")]
    pub builder: Location,
    /// Where the image goes.
    #[command(flatten)]
    pub output: OutputArguments,
    /// Variable for the buildpacks; without a value it is taken from the environment
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// File with one NAME[=VALUE] per line
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<PathBuf>,
    /// Run image, instead of the builder's
    #[arg(long, value_name = "IMAGE")]
    pub run_image: Option<Location>,
    /// Process type that runs by default
    #[arg(long, value_name = "TYPE")]
    pub default_process: Option<String>,
    /// Directory of this app's cache, instead of one in the store
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Start with an empty cache
    #[arg(long)]
    pub clear_cache: bool,
    /// Image whose layers are reused, instead of the one that is replaced
    #[arg(long, value_name = "REFERENCE")]
    pub previous_image: Option<Location>,
    /// Delete the image that is replaced, if no tag and nothing else holds it; only in Harbor
    #[arg(long)]
    pub prune_previous: bool,
    /// Policy with the builders that may be used; without it, the file that `WHARF_POLICY` names, if any
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Directory or file of this machine that buildpacks see, read-only unless asked otherwise; may be repeated
    #[arg(long, value_name = "PATH:PATH-INSIDE[:ro|rw]")]
    pub volume: Vec<Volume>,
    /// Say more
    #[arg(long, short)]
    pub verbose: bool,
}

/// `wharf inspect`.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// The image
    #[arg(value_name = "REFERENCE|oci:DIR[:TAG]")]
    pub image: Location,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// `wharf rebase`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct RebaseArguments {
    /// What to do with many images.
    #[command(subcommand)]
    pub fleet: Option<FleetCommand>,
    /// The image to rebase
    #[arg(value_name = "REFERENCE|oci:DIR[:TAG]", required = true)]
    pub image: Option<Location>,
    /// New run image, instead of the newest of the one it stands on
    #[arg(long, value_name = "IMAGE")]
    pub run_image: Option<Location>,
    /// Where the rebased image goes, instead of replacing the image; may be repeated
    #[arg(long, short, value_name = "REFERENCE|oci:DIR[:TAG]")]
    pub tag: Vec<Location>,
    /// Rebase even if the new run image is unknown to the image or differs in its target
    #[arg(long)]
    pub force: bool,
    /// Push to the registry
    #[arg(long)]
    pub publish: bool,
}
