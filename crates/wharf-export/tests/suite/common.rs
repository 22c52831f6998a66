//! A build as it lies on disk before export.
use std::{
    fs,
    num::NonZeroUsize,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use wharf_cache::CacheTransaction;
use wharf_export::{ExportError, ExportInputs, Exported, Handoff, export};
use wharf_image::{Image, ImageStore, TagRace};
use wharf_layer::{Encoder, Method, Owner};
use wharf_spec::{
    api::PlatformApi,
    files::{
        analyzed::{Analyzed, ImageIdentifier, RunImage},
        fingerprints::Fingerprints,
        group::Group,
        metadata::BuildMetadata,
        parse,
        project_metadata::ProjectMetadata,
        run::RunImages,
    },
    id::ExecEnv,
    labels::{
        LIFECYCLE_METADATA,
        build::{GitSource, LauncherInfo, LauncherSource},
    },
    reference::Reference,
};
use wharf_testkit::{ImageRecipe, MemoryStore, RecordingLog, image_recipe::platform};

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// Layers, app and launcher in a directory of their own, and a store with a run image.
pub(crate) struct Stage {
    root: TempDir,
    pub(crate) store: MemoryStore,
    pub(crate) inputs: ExportInputs,
    pub(crate) group: Group,
    pub(crate) build_metadata: BuildMetadata,
    pub(crate) analyzed: Analyzed,
}

impl Stage {
    /// A stage with `run_image` in its store and nothing else.
    pub(crate) fn new(api: PlatformApi, run_image: &ImageRecipe) -> Self {
        let store = MemoryStore::new();
        let run = reference("r.example/run:1");
        run_image.push(&store, &[&run]);
        Self::on(api, store, &run)
    }

    /// A stage on the run image at `run` in `store`.
    pub(crate) fn on(api: PlatformApi, store: MemoryStore, run: &Reference) -> Self {
        let root = TempDir::new().unwrap();
        for directory in ["layers/config", "workspace", "temp", "cnb", "cache"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        let metadata = fs::metadata(root.path()).unwrap();
        let image = store.find(run, &platform("linux", "amd64"));
        let base = image.unwrap().unwrap();
        let stage = Self {
            inputs: inputs(api, root.path(), owner(&metadata)),
            analyzed: Analyzed {
                run_image: Some(RunImage {
                    reference: store.identify(run, &base),
                    image: run.to_string(),
                    ..RunImage::default()
                }),
                ..Analyzed::default()
            },
            root,
            store,
            group: Group::default(),
            build_metadata: BuildMetadata::default(),
        };
        stage.write("cnb/launcher", "the launcher", 0o755);
        stage.write("layers/config/metadata.toml", "# metadata", 0o644);
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn set_group(&mut self, toml: &str) {
        self.group = parse(toml).unwrap();
        self.build_metadata.buildpacks = self.group.group.clone();
    }

    pub(crate) fn export(&self, log: &RecordingLog) -> Result<Exported, ExportError> {
        self.export_beside(None, log)
    }

    /// With a cache that takes archives in the same pass.
    pub(crate) fn export_beside(
        &self,
        cache: Option<&dyn CacheTransaction>,
        log: &RecordingLog,
    ) -> Result<Exported, ExportError> {
        let handoff = Handoff {
            analyzed: &self.analyzed,
            group: &self.group,
            build_metadata: &self.build_metadata,
        };
        export(&self.inputs, &handoff, (&self.store, cache), log)
    }

    /// What the analyzer would find of the image that was exported last.
    pub(crate) fn analyze_again(&mut self) {
        let output = self.inputs.outputs[0].clone();
        let image = self.image(&output.to_string());
        self.analyzed.previous_image = Some(ImageIdentifier {
            reference: self.store.identify(&output, &image),
            image: String::new(),
        });
        let label = image.label(LIFECYCLE_METADATA).unwrap();
        self.analyzed.metadata = Some(serde_json::from_str(label).unwrap());
    }

    pub(crate) fn image(&self, name: &str) -> Image {
        let image = self.store.find(&reference(name), &self.inputs.platform);
        image.unwrap().unwrap()
    }
}

fn owner(metadata: &fs::Metadata) -> Owner {
    Owner {
        uid: metadata.uid(),
        gid: metadata.gid(),
    }
}

fn inputs(api: PlatformApi, root: &Path, owner: Owner) -> ExportInputs {
    ExportInputs {
        outputs: vec![reference("r.example/app")],
        layers_dir: root.join("layers"),
        app_dir: root.join("workspace"),
        launcher: root.join("cnb/launcher"),
        launcher_sbom_dir: root.join("cnb"),
        launcher_info: LauncherInfo {
            version: "0.21.17".into(),
            source: LauncherSource {
                git: GitSource::default(),
            },
        },
        owner,
        platform: platform("linux", "amd64"),
        platform_api: api,
        created: None,
        process_type: None,
        run_images: RunImages::default(),
        project_metadata: ProjectMetadata::default(),
        exec_env: ExecEnv::production(),
        fingerprints: Fingerprints::default(),
        encoder: Encoder::new(NonZeroUsize::MIN, root.join("temp"), Method::default()),
        cache_limit: None,
        tag_race: TagRace::Warn,
        rooms: None,
    }
}
