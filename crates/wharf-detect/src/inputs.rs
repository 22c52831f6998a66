//! What the detector is told.
use wharf_buildpack::Context;
use wharf_spec::{
    api::Extensions,
    files::{order::Order, system::SystemBuildpacks},
};

/// Inputs of [`detect`](crate::detect).
#[derive(Debug, Clone)]
pub struct DetectInputs {
    /// Directories, environment and target.
    pub context: Context,
    /// Stack of the build image. `None` where targets count instead, or when the image names none: nothing is checked.
    pub stack: Option<String>,
    /// `order.toml`.
    pub order: Order,
    /// Buildpacks around every group; empty before Platform API 0.15 or without `system.toml`.
    pub system: SystemBuildpacks,
    /// Whether the platform knows image extensions, which are not supported yet.
    pub extensions: Extensions,
    /// How many `bin/detect` may run at the same time; at least one does.
    pub concurrency: usize,
}
