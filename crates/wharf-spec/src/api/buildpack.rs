//! Buildpack API versions and what each decides.
use super::ApiError;
use alloc::string::ToString;
use core::{fmt, str::FromStr};

/// A supported Buildpack API version.
///
/// Only this crate compares versions; everybody else asks for the features of one. So versions have no order outside:
///
/// ```compile_fail
/// use wharf_spec::api::BuildpackApi;
/// fn is_newer(one: BuildpackApi, other: BuildpackApi) -> bool {
///     one > other
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BuildpackApi(u8);

/// The choices one Buildpack API version makes. They hang on the loaded buildpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildpackFeatures {
    /// Directories arrive in variables (`CNB_PLATFORM_DIR`, `CNB_LAYERS_DIR` …) as well as in arguments.
    pub directory_variables: bool,
    /// Processes may set `working-dir`.
    pub process_working_dir: bool,
    /// `command` is a list, default arguments can be replaced, processes are always direct.
    pub command_list: bool,
    /// Targets instead of stacks; `CNB_TARGET_*` are provided.
    pub targets: bool,
    /// Execution environments exist.
    pub exec_env: bool,
}

const MINOR: [&str; 6] = ["0.7", "0.8", "0.9", "0.10", "0.11", "0.12"];

impl BuildpackApi {
    /// Every supported version, oldest first.
    pub const ALL: [Self; 6] = [Self(7), Self(8), Self(9), Self(10), Self(11), Self(12)];
    /// The newest supported version.
    pub const LATEST: Self = Self(12);

    /// The text form, `0.N`.
    pub fn as_str(self) -> &'static str {
        MINOR[usize::from(self.0) - 7]
    }

    /// The choices this version makes.
    pub fn features(self) -> BuildpackFeatures {
        let since = |minor: u8| self.0 >= minor;
        BuildpackFeatures {
            directory_variables: since(8),
            process_working_dir: since(8),
            command_list: since(9),
            targets: since(10),
            exec_env: since(12),
        }
    }
}

impl fmt::Display for BuildpackApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BuildpackApi {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        check_form(text)?;
        Self::ALL
            .into_iter()
            .find(|api| api.as_str() == text)
            .ok_or_else(|| ApiError::Unsupported {
                kind: "Buildpack",
                version: text.to_string(),
                first: MINOR[0],
                last: MINOR[MINOR.len() - 1],
            })
    }
}

/// Accepts `<major>` and `<major>.<minor>`, so that a typo is told apart from an unknown version.
pub(super) fn check_form(text: &str) -> Result<(), ApiError> {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    if number(major) && number(minor) {
        Ok(())
    } else {
        Err(ApiError::Malformed(text.to_string()))
    }
}
