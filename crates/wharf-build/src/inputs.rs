//! What the builder is told.
use std::path::PathBuf;
use wharf_buildpack::Context;
use wharf_spec::{
    api::{CommandForm, LegacyBom, SbomPaths},
    files::{group::Group, plan::Plan},
};

/// Inputs of [`build`](crate::build).
#[derive(Debug, Clone)]
pub struct BuildInputs {
    /// Directories, environment and target.
    pub context: Context,
    /// Layers directory, absolute.
    pub layers_dir: PathBuf,
    /// `group.toml`.
    pub group: Group,
    /// `plan.toml`.
    pub plan: Plan,
    /// Form of a command in the result.
    pub command_form: CommandForm,
    /// Where deprecated bills of materials go.
    pub legacy_bom: LegacyBom,
    /// Whether SBOM files are collected.
    pub sbom_paths: SbomPaths,
}
