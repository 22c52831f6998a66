//! The version, in one place: what `-version` prints, images record and `lifecycle.toml` says.
use wharf_spec::labels::build::{GitSource, LauncherInfo, LauncherSource};

/// Version of the lifecycle and of the launcher it ships with.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit this was built from, when whoever built it said so in `WHARF_COMMIT`.
pub const COMMIT: &str = match option_env!("WHARF_COMMIT") {
    Some(commit) => commit,
    None => "",
};

/// `<version>+<commit>`.
pub(crate) fn text() -> String {
    format!("{VERSION}+{COMMIT}")
}

/// What an image records of its launcher.
pub(crate) fn launcher_info() -> LauncherInfo {
    let repository = env!("CARGO_PKG_REPOSITORY");
    LauncherInfo {
        version: VERSION.to_owned(),
        source: LauncherSource {
            git: GitSource {
                repository: repository
                    .strip_prefix("https://")
                    .unwrap_or(repository)
                    .to_owned(),
                commit: COMMIT.to_owned(),
            },
        },
    }
}
