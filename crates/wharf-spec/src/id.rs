//! Identifiers that cannot hold an illegal value.
use alloc::{borrow::ToOwned, format, string::String};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a {what}: {rule}")]
pub struct IdError {
    /// The offending text.
    pub text: String,
    /// The kind of identifier.
    pub what: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { text: text.to_owned(), what: $what, rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

id_type!(
    /// The id of a buildpack or image extension: letters, digits, `.`, `/` and `-`.
    BuildpackId,
    "buildpack id",
    "it may contain letters, digits, '.', '/' and '-', must not be 'config', 'app', 'sbom' or 'generated', and no part may be '.' or '..'",
    |text| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"./-_".contains(&b))
            && !["config", "app", "sbom", "generated"].contains(&text)
            && text.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
    }
);

impl BuildpackId {
    /// The directory name used for this id: `/` becomes `_`.
    pub fn dir_name(&self) -> String {
        self.0.replace('/', "_")
    }
}

id_type!(
    /// The name of a layer, which is also its directory name.
    LayerName,
    "layer name",
    "it must be one path component, and 'build', 'launch' and 'store' are reserved",
    |text| {
        !text.is_empty()
            && !text.contains(['/', '\0'])
            && !["build", "launch", "store", ".", ".."].contains(&text)
    }
);

id_type!(
    /// A process type; it names the symlink under `/cnb/process`.
    ProcessType,
    "process type",
    "it must not be empty and must not contain any of / > < : | & \\",
    |text| {
        !text.is_empty() && !text.contains(['/', '>', '<', ':', '|', '&', '\\', '\0'])
            && text != "." && text != ".."
    }
);

id_type!(
    /// An execution environment such as `production` or `test`.
    ExecEnv,
    "valid execution environment",
    "it must not be empty and must not contain '/'",
    |text| !text.is_empty() && !text.contains('/')
);

impl ExecEnv {
    /// The environment used when none is given.
    pub fn production() -> Self {
        Self("production".to_owned())
    }

    /// Whether `list` (as written in `exec-env`) admits this environment; an empty list and `*` admit all.
    pub fn is_in(&self, list: &[String]) -> bool {
        list.is_empty() || list.iter().any(|item| item == "*" || *item == self.0)
    }
}

/// `<id>@<version>`, as logs and history name a buildpack.
pub fn full_name(id: &BuildpackId, version: &str) -> String {
    format!("{id}@{version}")
}
