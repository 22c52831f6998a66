//! Tools of the black-box tests: they know executables, files, environment, exit codes, and images as skopeo reads
//! them, and link nothing of the lifecycle.
//!
//! | module | what |
//! |---|---|
//! | [`stage`] | the standard directories of a build, and running a phase in them as an ordinary user |
//! | [`registry`] | Debian's `docker-registry` on a loopback port |
//! | [`client`] | plain requests to a registry |
//! | [`front`] | a server before a registry that answers some requests itself |
//! | [`image`] | an image as independent readers see it |
//! | [`container`] | an app image's process in the image's files |
//! | [`recipe`] | images made for tests |
//! | [`probe`] | generated buildpacks that record what they were given |
//! | [`flow`] | the phases of a build in the order platforms run them |
//! | [`suite`] | the conformance suite's machinery |
//! | [`mutant`] | a lifecycle with one planted fault |
//! | [`cases`] | the conformance suite's tests |
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test tool that cannot go on ends the test"
)]
pub mod cases;
pub mod client;
pub mod container;
pub mod flow;
pub mod front;
pub mod image;
pub mod mutant;
pub mod probe;
pub mod recipe;
pub mod registry;
pub mod stage;
pub mod suite;

use std::path::{Path, PathBuf};

/// The directory of executables under test: `WHARF_DIST` or what `cargo xtask dist` left.
pub fn lifecycle_dir() -> PathBuf {
    let dist =
        std::env::var_os("WHARF_DIST").map_or_else(|| top().join("target/dist"), PathBuf::from);
    let dir = dist.join("lifecycle");
    assert!(
        dir.join("lifecycle").is_file(),
        "there is no {}; run cargo xtask dist",
        dir.display()
    );
    dir
}

/// A file or directory of `fixtures/`.
pub fn fixture(path: &str) -> PathBuf {
    top().join("fixtures").join(path)
}

/// Text of a file; the test ends when it cannot be read.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

/// Parsed TOML of a file.
pub fn toml_of(path: &Path) -> toml::Table {
    read(path)
        .parse()
        .unwrap_or_else(|error| panic!("parse {}: {error}", path.display()))
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in the workspace")
        .to_path_buf()
}
