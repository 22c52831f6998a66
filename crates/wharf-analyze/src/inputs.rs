//! What the analyzer is told.
use std::path::PathBuf;
use wharf_image::Platform;
use wharf_spec::{api::BaseContract, files::run::RunImageMetadata, reference::Reference};

/// Inputs of [`analyze`](crate::analyze).
#[derive(Debug, Clone)]
pub struct AnalyzeInputs {
    /// Where the app image will go.
    pub output: Reference,
    /// More tags of the app image, on the registry of `output`.
    pub additional_tags: Vec<Reference>,
    /// The image of the previous build; `output` when nothing else was asked for.
    pub previous_image: Reference,
    /// Cache image that will be written.
    pub cache_image: Option<Reference>,
    /// The run image.
    pub run_image: RunImageInput,
    /// What the app is built for.
    pub platform: Platform,
    /// Layers directory.
    pub layers_dir: PathBuf,
    /// Whether the launch SBOM of the previous image is extracted to `<layers>/sbom/launch`: the Platform API says
    /// so and layers are not skipped.
    pub restore_sbom: bool,
    /// Whether image name and target of the run image are recorded ([`BaseContract::Target`]).
    pub base_contract: BaseContract,
}

/// Where the run image comes from.
#[derive(Debug, Clone)]
pub enum RunImageInput {
    /// Asked for by name.
    Named(Reference),
    /// An entry of `run.toml` or `stack.toml`: the best readable name of it.
    Candidates(RunImageMetadata),
}
