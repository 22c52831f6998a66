//! The version, in one place: what `-version` prints, images record and `lifecycle.toml` says.
//!
//! The commit is not compiled in, or every commit would link the executables anew. They have room for it, which
//! `cargo xtask dist` fills in what it ships.
use std::{hint::black_box, str};
use wharf_spec::labels::build::{GitSource, LauncherInfo, LauncherSource};

/// Version of the lifecycle and of the launcher it ships with.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The room for a commit in an executable: a mark to find it by, then 40 bytes that end in spaces.
pub const UNSTAMPED: [u8; 53] = *b"wharf-commit=                                        ";

/// Where in [`UNSTAMPED`] the commit begins.
pub const COMMIT_AT: usize = 13;

static STAMP: [u8; UNSTAMPED.len()] = UNSTAMPED;

/// The commit this executable was built from; empty in one that `cargo xtask dist` did not make.
pub fn commit() -> &'static str {
    // The bytes may differ from what the compiler sees here.
    let stamp: &'static [u8] = black_box(&STAMP);
    let commit = stamp.get(COMMIT_AT..).unwrap_or_default();
    str::from_utf8(commit).unwrap_or_default().trim_end()
}

/// `<version>+<commit>`.
pub(crate) fn text() -> String {
    format!("{VERSION}+{}", commit())
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
                commit: commit().to_owned(),
            },
        },
    }
}
