//! What can go wrong before the process starts.
use crate::{
    host::{Errno, ReadError, RunError},
    toml::TomlError,
};
use alloc::string::String;
use wharf_spec::{api::ApiError, id::IdError};

/// Why nothing was launched. Messages complete "failed to launch: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// The platform does not say which API it speaks.
    #[error(
        "please set 'CNB_PLATFORM_API': the image must carry the Platform API it was exported with"
    )]
    MissingPlatformApi,
    /// The Platform API is not one of ours.
    #[error("read 'CNB_PLATFORM_API': {0}")]
    PlatformApi(#[source] ApiError),
    /// The Buildpack API of a buildpack is not one of ours.
    #[error("check the API of buildpack '{id}': {source}")]
    BuildpackApi {
        /// The buildpack.
        id: String,
        /// Why.
        source: ApiError,
    },
    /// The execution environment has no legal name.
    #[error("read 'CNB_EXEC_ENV': {0}")]
    ExecEnv(#[source] IdError),
    /// `metadata.toml` could not be read.
    #[error(
        "read {path}: {source}; is this an app image, and is 'CNB_LAYERS_DIR' its layers directory? Otherwise build the image again"
    )]
    ReadMetadata {
        /// The file.
        path: String,
        /// Why.
        source: ReadError,
    },
    /// `metadata.toml` is not what it should be.
    #[error("parse {path}: {source}; build the image again")]
    ParseMetadata {
        /// The file.
        path: String,
        /// Where and why.
        source: TomlError,
    },
    /// `metadata.toml` names a buildpack by an illegal id.
    #[error("parse {path}: {source}; build the image again")]
    BuildpackId {
        /// The file.
        path: String,
        /// Why.
        source: IdError,
    },
    /// No process type and no command were given.
    #[error(
        "determine start command: when there is no default process a command is required{choices}"
    )]
    NoCommand {
        /// A list of the image's process types, as a hint.
        choices: String,
    },
    /// Processes of the type exist, but none for this execution environment.
    #[error(
        "determine start command: no process of type '{process}' runs in the execution environment '{exec_env}' (it runs in: {available}); set 'CNB_EXEC_ENV'"
    )]
    NotEligible {
        /// The process type.
        process: String,
        /// The execution environment.
        exec_env: String,
        /// Where processes of the type run.
        available: String,
    },
    /// A process has no command.
    #[error("determine start command: process '{process}' has no command; build the image again")]
    EmptyCommand {
        /// The process type.
        process: String,
    },
    /// A directory could not be listed.
    #[error("list {path}: {source}")]
    List {
        /// The directory.
        path: String,
        /// Why.
        source: Errno,
    },
    /// A file of an `env` directory could not be read.
    #[error("read variable {path}: {source}")]
    ReadVariable {
        /// The file.
        path: String,
        /// Why.
        source: ReadError,
    },
    /// An `exec.d` program failed.
    #[error("run exec.d program {path}: {source}")]
    ExecD {
        /// The program.
        path: String,
        /// Why.
        source: RunError,
    },
    /// An `exec.d` program wrote something else than variables.
    #[error("read the variables of exec.d program {path}: {source}")]
    ExecDOutput {
        /// The program.
        path: String,
        /// Where and why.
        source: TomlError,
    },
    /// The app directory does not exist.
    #[error("change to app directory {path}: it is not a directory; is 'CNB_APP_DIR' right?")]
    AppDirectory {
        /// The directory.
        path: String,
    },
    /// The working directory does not exist.
    #[error("change to working directory {path}: it is not a directory")]
    WorkingDirectory {
        /// The directory.
        path: String,
    },
    /// The command is on no directory of `PATH`.
    #[error("find command '{command}': it is in no directory of PATH ({search})")]
    CommandNotFound {
        /// The command.
        command: String,
        /// `PATH`.
        search: String,
    },
    /// A relative directory of `PATH` holds the command.
    #[error(
        "find command '{command}': PATH leads to it by the relative path {found}; write './{command}' if that is meant"
    )]
    CommandInRelativeDirectory {
        /// The command.
        command: String,
        /// Where it was found.
        found: String,
    },
    /// The command names a file that cannot be executed.
    #[error("find command '{command}': {path} is not an executable file")]
    NotExecutable {
        /// The command.
        command: String,
        /// The file.
        path: String,
    },
    /// A shell is needed and there is none.
    #[error(
        "start a shell: the image has no {shell}; put '--' before the command to run it without a shell, or use a run image with bash"
    )]
    NoShell {
        /// Path of the shell.
        shell: &'static str,
    },
    /// The operating system did not execute the program.
    #[error("execute {program}: {source}{hint}")]
    Execute {
        /// The program.
        program: String,
        /// Why.
        source: Errno,
        /// What it usually means.
        hint: &'static str,
    },
}
