//! Why a build fails.
use std::{io, path::PathBuf};
use wharf_buildpack::{Exit, FileError, RunError, StoreError, env_dir::EnvDirError};
use wharf_layer::LayerError;
use wharf_spec::{api::ApiError, encode::EncodeError, files::plan::DoubleVersion, id::IdError};

/// A failed build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// `bin/build` of a buildpack did not succeed; its output tells why.
    #[error("build with buildpack '{buildpack}': {exit}; its output above tells why")]
    Buildpack {
        /// `<id>@<version>`.
        buildpack: String,
        /// How it ended.
        exit: Exit,
    },
    /// `bin/build` could not be run.
    #[error("build with buildpack '{buildpack}'")]
    Run {
        /// `<id>@<version>`.
        buildpack: String,
        /// Why.
        #[source]
        source: RunError,
    },
    /// The token was set.
    #[error("finish the build: cancelled")]
    Cancelled,
    /// A buildpack speaks an API this lifecycle does not.
    #[error("start the build")]
    BuildpackApi(#[source] StoreError),
    /// A buildpack has an API in the group that this lifecycle does not speak.
    #[error("use buildpack '{buildpack}' of the group")]
    GroupApi {
        /// `<id>@<version>`.
        buildpack: String,
        /// Which API.
        #[source]
        source: ApiError,
    },
    /// A buildpack of the group cannot be used.
    #[error("start the build")]
    Store(#[source] StoreError),
    /// The variables of user, operator or a layer cannot be read.
    #[error("read environment")]
    Environment(#[from] EnvDirError),
    /// A layer or an SBOM file is not in order.
    #[error("process layers")]
    Layer(#[from] LayerError),
    /// A buildpack has described a layer by a name that is taken.
    #[error(
        "process layers: '{}' has the table [types], but no layer may be called '{name}'; choose another name",
        path.display()
    )]
    ReservedLayer {
        /// The file.
        path: PathBuf,
        /// The name.
        name: &'static str,
    },
    /// A file of a buildpack cannot be read.
    #[error("read output of buildpack")]
    File(#[from] FileError),
    /// A file of a buildpack can be read but does not make sense.
    #[error("use '{}'", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: OutputProblem,
    },
    /// An entry of the plan does not make sense.
    #[error("read plan")]
    Plan(#[from] DoubleVersion),
    /// A value has no text form.
    #[error("write plan or bill of materials")]
    Encode(#[from] EncodeError),
    /// A file operation failed.
    #[error("{action} '{}'", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl From<StoreError> for BuildError {
    fn from(source: StoreError) -> Self {
        match source {
            StoreError::Api { .. } => Self::BuildpackApi(source),
            _ => Self::Store(source),
        }
    }
}

/// What is wrong with `launch.toml` or `build.toml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputProblem {
    /// A process type that cannot be one.
    #[error(transparent)]
    ProcessType(#[from] IdError),
    /// Two processes of one type that could both be meant.
    #[error(
        "process type '{0}' is defined twice; types are unique within a buildpack, except for different execution environments"
    )]
    DuplicateProcess(String),
    /// A process without a command.
    #[error("process '{0}' has no command")]
    NoCommand(String),
    /// A command in the form of another Buildpack API.
    #[error("the command of process '{process}' must be {expected} in Buildpack API {api}")]
    CommandForm {
        /// Process type.
        process: String,
        /// "a list of strings" or "one string".
        expected: &'static str,
        /// The API.
        api: String,
    },
    /// `direct` where it does not exist.
    #[error(
        "process '{process}' sets 'direct', which Buildpack API {api} does not have; processes are always direct, use [\"bash\", \"-c\", …] for a shell"
    )]
    Direct {
        /// Process type.
        process: String,
        /// The API.
        api: String,
    },
    /// More than one default process.
    #[error("more than one process is marked as default: '{0}' and '{1}'")]
    SeveralDefaults(String, String),
    /// A label without a key.
    #[error("a label has no key")]
    LabelWithoutKey,
    /// An unmet requirement without a name.
    #[error("an 'unmet' entry has no name")]
    UnmetWithoutName,
    /// An unmet requirement that was never asked for.
    #[error("unmet requirement '{0}' is not in the buildpack plan")]
    UnmetNotRequested(String),
    /// A bill-of-materials entry without a name.
    #[error("a 'bom' entry has no name")]
    BomWithoutName,
    /// A bill-of-materials entry with a version in the wrong place.
    #[error("'bom' entry '{0}' has a top-level version, which belongs into its metadata")]
    BomVersion(String),
}
