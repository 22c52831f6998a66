//! What the exporter is told.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use wharf_image::{Platform, Rooms, TagRace};
use wharf_layer::{Encoder, Owner};
use wharf_spec::{
    api::PlatformApi,
    files::{
        analyzed::Analyzed, fingerprints::Fingerprints, group::Group, metadata::BuildMetadata,
        project_metadata::ProjectMetadata, run::RunImages,
    },
    id::ExecEnv,
    labels::build::LauncherInfo,
    reference::Reference,
};

/// Inputs of [`export`](crate::export).
#[derive(Debug, Clone)]
pub struct ExportInputs {
    /// Where the app image goes; at least one, all on one registry.
    pub outputs: Vec<Reference>,
    /// Layers directory.
    pub layers_dir: PathBuf,
    /// App directory.
    pub app_dir: PathBuf,
    /// The launcher on disk.
    pub launcher: PathBuf,
    /// Directory with `launcher.sbom.*` and `lifecycle.sbom.*`; they are optional.
    pub launcher_sbom_dir: PathBuf,
    /// Version and source of the launcher.
    pub launcher_info: LauncherInfo,
    /// Owner of the files that buildpacks and app contribute.
    pub owner: Owner,
    /// What the app is built for.
    pub platform: Platform,
    /// The Platform API, which the image records.
    pub platform_api: PlatformApi,
    /// `SOURCE_DATE_EPOCH`: seconds since 1970; `None` takes 1980-01-01T00:00:01Z.
    pub created: Option<u64>,
    /// Process type to make the entrypoint; `None` takes the default of the buildpacks.
    pub process_type: Option<String>,
    /// `run.toml`, or the one image of `stack.toml`; empty when there is none.
    pub run_images: RunImages,
    /// `project-metadata.toml`; empty when there is none.
    pub project_metadata: ProjectMetadata,
    /// Execution environment of the image.
    pub exec_env: ExecEnv,
    /// What earlier phases and builds saw of files that may be unchanged.
    pub fingerprints: Fingerprints,
    /// Makes blobs.
    pub encoder: Encoder,
    /// Bytes the cache may have.
    pub cache_limit: Option<u64>,
    /// What happens when somebody else wrote the tags meanwhile.
    pub tag_race: TagRace,
    /// Knows limits of where images go; without it nothing is weighed.
    pub rooms: Option<Arc<dyn Rooms>>,
}

impl ExportInputs {
    /// The app directory without `/` at its end: the path becomes the name of archive entries.
    pub(crate) fn app_root(&self) -> PathBuf {
        clean(&self.app_dir)
    }

    /// The layers directory without `/` at its end.
    pub(crate) fn layers_root(&self) -> PathBuf {
        clean(&self.layers_dir)
    }
}

fn clean(path: &Path) -> PathBuf {
    path.components().collect()
}

/// What earlier phases left.
#[derive(Debug, Clone, Copy)]
pub struct Handoff<'a> {
    /// `analyzed.toml`.
    pub analyzed: &'a Analyzed,
    /// `group.toml`.
    pub group: &'a Group,
    /// `<layers>/config/metadata.toml`.
    pub build_metadata: &'a BuildMetadata,
}
