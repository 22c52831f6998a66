//! Every TOML file of the specification, one module per file. Types here are plain values: parsing takes
//! text, encoding returns text, and nobody opens a file.
pub mod analyzed;
pub mod build;
pub mod descriptor;
pub mod fingerprints;
pub mod group;
pub mod launch;
pub mod layer_content_metadata;
pub mod lifecycle;
pub mod metadata;
pub mod order;
pub mod plan;
pub mod project_metadata;
pub mod report;
pub mod run;
pub mod seals;
pub mod stack;
pub mod store;
pub mod system;

use alloc::string::{String, ToString};
use serde::de::DeserializeOwned;

/// A text that is not the file it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What is wrong, with line and column where the TOML parser knows them.
    pub message: String,
}

/// Parses the text of any file of this module.
///
/// The error names line and column; the caller, who opened the file, adds its path.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ParseError> {
    toml::from_str(text).map_err(|error| ParseError {
        message: error.to_string().trim_end().to_string(),
    })
}
