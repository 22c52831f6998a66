//! `stack.toml`: the run image of Platform APIs before 0.12.
use super::run::RunImageMetadata;
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Stack {
    /// The run image.
    pub run_image: RunImageMetadata,
}
