//! API versions. A version has no public ordering: the only question it answers is `features()`.
mod buildpack;
mod platform;

pub use buildpack::{BuildpackApi, BuildpackFeatures};
pub use platform::{
    BaseContract, CommandForm, Extensions, GeneratedDir, History, LegacyBom, PlatformApi,
    PlatformApiRange, PlatformFeatures, RunImageSource, SbomPaths, StaleCacheImage, UserArgs,
    UserEnv,
};

use alloc::string::String;

/// Why a text is not an API version this lifecycle speaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The text is not `<major>` or `<major>.<minor>`.
    #[error("'{0}' is not an API version, expected <major>.<minor>")]
    Malformed(String),
    /// The version exists but is not one of `ALL`.
    #[error("{kind} API '{version}' is not supported, supported are {first} to {last}")]
    Unsupported {
        /// "Platform" or "Buildpack".
        kind: &'static str,
        /// The version asked for.
        version: String,
        /// The oldest supported version.
        first: &'static str,
        /// The newest supported version.
        last: &'static str,
    },
}
