//! Every failure of a phase, and the one map to exit codes (platform spec, "Outputs" of each phase).
use crate::{
    flags::{UsageError, ValueError},
    handoff::HandoffError,
    inputs::{ArgumentsError, InputError},
    phase::Phase,
    privileges::PrivilegeError,
    session::SessionError,
};
use std::{error::Error, fmt::Write};
use wharf_analyze::AnalyzeError;
use wharf_build::BuildError;
use wharf_cache::CacheError;
use wharf_detect::DetectError;
use wharf_export::ExportError;
use wharf_rebase::RebaseError;
use wharf_restore::RestoreError;
use wharf_spec::{api::ApiError, exit_code::ExitCode};

/// Why an invocation fails. The text completes "failed to".
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line cannot be parsed.
    #[error("parse flags")]
    Usage(#[source] UsageError),
    /// An argument is not text.
    #[error("parse arguments: argument {0} is not UTF-8")]
    NotText(usize),
    /// There is no such phase.
    #[error(
        "parse arguments: unknown phase '{phase}'; valid phases are {}",
        Phase::ALL.map(Phase::verb).join(", ")
    )]
    UnknownPhase {
        /// What was given.
        phase: String,
    },
    /// `lifecycle` was called without a phase.
    #[error(
        "parse arguments: no phase is given; valid phases are {}",
        Phase::ALL.map(Phase::verb).join(", ")
    )]
    NoPhase,
    /// The wrong number of arguments.
    #[error("parse arguments")]
    Arguments(#[from] ArgumentsError),
    /// The Platform API cannot be used.
    #[error("set platform API; please set 'CNB_PLATFORM_API' to a supported version")]
    PlatformApi(#[source] ApiError),
    /// The Platform API is not text.
    #[error("set platform API; please set 'CNB_PLATFORM_API' to a supported version")]
    PlatformApiText(#[source] ValueError),
    /// An input cannot be used.
    #[error("resolve inputs")]
    Inputs(#[source] InputError),
    /// A member of the group speaks another API.
    #[error("verify Buildpack APIs of the group: '{buildpack}'")]
    GroupApi {
        /// The buildpack.
        buildpack: String,
        /// What is wrong.
        #[source]
        source: ApiError,
    },
    /// The process cannot be prepared.
    #[error("{}", .0.verb())]
    Privileges(Phase, #[source] PrivilegeError),
    /// Stores or temporary files cannot be set up.
    #[error("initialize {0}")]
    Session(Phase, #[source] SessionError),
    /// A file that the phase needs cannot be read.
    #[error("initialize {0}: reading inputs")]
    Load(Phase, #[source] HandoffError),
    /// The order cannot be read; the words are those of the reference, which platforms look for.
    #[error("initialize detector: reading order")]
    Order(#[source] HandoffError),
    /// A result cannot be written.
    #[error("save the results of the {0}")]
    Save(Phase, #[source] HandoffError),
    /// The cache cannot be opened.
    #[error("initialize cache")]
    Cache(#[source] CacheError),
    /// The analyzer failed.
    #[error("analyze")]
    Analyze(#[source] AnalyzeError),
    /// The detector failed.
    #[error("detect")]
    Detect(#[source] DetectError),
    /// The restorer failed.
    #[error("restore")]
    Restore(#[source] RestoreError),
    /// The builder failed.
    #[error("build")]
    Build(#[source] BuildError),
    /// The exporter failed.
    #[error("export")]
    Export(#[source] ExportError),
    /// The rebaser failed.
    #[error("rebase")]
    Rebase(#[source] RebaseError),
    /// A signal has come.
    #[error("{}: interrupted by a signal", .0.verb())]
    Interrupted(Phase),
    /// The extender was asked for.
    #[error("extend: image extensions are not supported yet")]
    Extend,
}

impl Failure {
    /// The status to end with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::Usage,
            Self::NotText(_) | Self::UnknownPhase { .. } | Self::NoPhase | Self::Arguments(_) => {
                ExitCode::InvalidArgs
            }
            Self::PlatformApi(_) | Self::PlatformApiText(_) => ExitCode::IncompatiblePlatformApi,
            Self::Inputs(error) => of_inputs(error),
            Self::GroupApi { .. } => ExitCode::IncompatibleBuildpackApi,
            Self::Privileges(..)
            | Self::Session(..)
            | Self::Load(..)
            | Self::Order(_)
            | Self::Cache(_) => ExitCode::Failed,
            Self::Save(phase, _) | Self::Interrupted(phase) => of_phase(*phase),
            Self::Analyze(error) => of_analyze(error),
            Self::Detect(error) => of_detect(error),
            Self::Restore(error) => of_restore(error),
            Self::Build(error) => of_build(error),
            Self::Export(error) => of_export(error),
            Self::Rebase(error) => of_rebase(error),
            Self::Extend => ExitCode::ExtendFailed,
        }
    }
}

/// The general failure of a phase.
fn of_phase(phase: Phase) -> ExitCode {
    match phase {
        Phase::Analyze => ExitCode::AnalyzeFailed,
        Phase::Detect => ExitCode::DetectFailed,
        Phase::Restore => ExitCode::RestoreFailed,
        Phase::Build => ExitCode::BuildFailed,
        Phase::Export => ExitCode::ExportFailed,
        Phase::Create => ExitCode::Failed,
        Phase::Rebase => ExitCode::RebaseFailed,
        Phase::Extend => ExitCode::ExtendFailed,
    }
}

fn of_inputs(error: &InputError) -> ExitCode {
    match error {
        InputError::Experimental { .. }
        | InputError::ExperimentalMode(_)
        | InputError::LogLevel { .. } => ExitCode::Failed,
        InputError::Value(_)
        | InputError::Compression(_)
        | InputError::Size { .. }
        | InputError::Seconds { .. }
        | InputError::Harbor(_)
        | InputError::PrunePrevious(_)
        | InputError::TagRace(_)
        | InputError::Reference { .. }
        | InputError::Image(_)
        | InputError::LayoutPath { .. }
        | InputError::NoImage
        | InputError::ExecEnv(_)
        | InputError::Daemon { .. }
        | InputError::LayoutWithoutDir { .. }
        | InputError::RunImageUnsupported { .. }
        | InputError::ImageUnsupported
        | InputError::BothRunImages
        | InputError::MultipleRegistries { .. }
        | InputError::DigestToWrite { .. } => ExitCode::InvalidArgs,
    }
}

fn of_analyze(error: &AnalyzeError) -> ExitCode {
    use AnalyzeError as E;
    match error {
        E::MultipleRegistries { .. }
        | E::NoRunImageNamed
        | E::NoRunImage { .. }
        | E::RunImageNotFound { .. } => ExitCode::InvalidArgs,
        E::Access { .. }
        | E::ReadRunImage(_)
        | E::WrongPlatform { .. }
        | E::NoOs { .. }
        | E::ReadPrevious(_)
        | E::NoSbomLayer { .. }
        | E::ReadSbom(_)
        | E::ExtractSbom { .. }
        | E::Io { .. } => ExitCode::AnalyzeFailed,
    }
}

fn of_detect(error: &DetectError) -> ExitCode {
    use DetectError as E;
    match error {
        E::NoGroup {
            with_errors: false, ..
        } => ExitCode::NoGroupDetected,
        E::NoGroup {
            with_errors: true, ..
        } => ExitCode::NoGroupDetectedWithErrors,
        E::BuildpackApi { .. } => ExitCode::IncompatibleBuildpackApi,
        E::Buildpack { .. }
        | E::App { .. }
        | E::Cycle { .. }
        | E::TooManyGroups { .. }
        | E::PlanTooComplex { .. }
        | E::Environment(_)
        | E::Temporary { .. }
        | E::Cancelled => ExitCode::DetectFailed,
    }
}

fn of_restore(error: &RestoreError) -> ExitCode {
    use RestoreError as E;
    match error {
        E::ReadCache(_) | E::RunImageNotAccessible { .. } | E::ReadRunImage(_) => ExitCode::Failed,
        E::Io { .. } | E::WriteLayer { .. } | E::Encode { .. } | E::Sbom(..) => {
            ExitCode::RestoreFailed
        }
    }
}

fn of_build(error: &BuildError) -> ExitCode {
    use BuildError as E;
    match error {
        E::Buildpack { .. } => ExitCode::BuildpackBuildFailed,
        E::BuildpackApi(_) | E::GroupApi { .. } => ExitCode::IncompatibleBuildpackApi,
        E::Run { .. }
        | E::Cancelled
        | E::Store(_)
        | E::Environment(_)
        | E::Layer(_)
        | E::ReservedLayer { .. }
        | E::File(_)
        | E::Output { .. }
        | E::Plan(_)
        | E::Encode(_)
        | E::Io { .. } => ExitCode::BuildFailed,
    }
}

fn of_export(error: &ExportError) -> ExitCode {
    use ExportError as E;
    match error {
        E::NoOutput | E::MultipleRegistries { .. } => ExitCode::InvalidArgs,
        E::NoRunImage
        | E::RunImageNotFound { .. }
        | E::ReadRunImage(_)
        | E::EmptyRunImage { .. }
        | E::ReadPrevious(_)
        | E::CachedWithoutContents { .. }
        | E::NothingToReuse { .. }
        | E::NotInPrevious { .. }
        | E::ReadLayers { .. }
        | E::Parse { .. }
        | E::NotAFile { .. }
        | E::TooLarge { .. }
        | E::Slices(_)
        | E::Layer { .. }
        | E::Upload { .. }
        | E::ProcessType(_)
        | E::UnknownProcessType { .. }
        | E::NonUtf8Path { .. }
        | E::Label { .. }
        | E::Io { .. }
        | E::Seal(_)
        | E::Invalid { .. }
        | E::NoRoom(_)
        | E::WatchTags(_)
        | E::TagMoved { .. }
        | E::Save(_) => ExitCode::ExportFailed,
    }
}

fn of_rebase(error: &RebaseError) -> ExitCode {
    use RebaseError as E;
    match error {
        E::NoOutput | E::MultipleRegistries { .. } => ExitCode::InvalidArgs,
        E::RunImageNotFound { .. } => ExitCode::Failed,
        E::ReadApp(_)
        | E::AppNotFound { .. }
        | E::Metadata { .. }
        | E::NoRunImageNamed { .. }
        | E::ReadRunImage(_)
        | E::Refused { .. }
        | E::NoTopLayer { .. }
        | E::Encode(_)
        | E::Seal(_)
        | E::Invalid { .. }
        | E::ReadBack { .. }
        | E::TagMoved { .. }
        | E::Save(_) => ExitCode::RebaseFailed,
    }
}

/// An error and its causes in one line. A cause that says the same again is left out.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            let _ = write!(text, ": {next}");
        }
        cause = error.source();
    }
    text
}
