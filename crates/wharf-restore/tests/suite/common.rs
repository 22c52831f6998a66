//! A layers directory to restore into, and a cache to restore from.
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Mutex,
};
use tempfile::TempDir;
use wharf_cache::{Cache, CacheError, CacheTransaction};
use wharf_layer::{LayerContent, Owner, VerifyingReader};
use wharf_restore::{RestoreError, RestoreInputs, Restored, Sources, restore};
use wharf_spec::{
    api::PlatformApi,
    digest::Digest,
    files::{analyzed::Analyzed, group::Group, parse, run::RunImages},
    labels::lifecycle::{
        BuildpackLayers, CacheMetadata, LayerMetadata, LayerSha, LifecycleMetadata,
    },
};
use wharf_testkit::{
    RecordingLog,
    image_recipe::{digest, platform},
};

/// Owner of files in images.
pub(crate) const OWNER: Owner = Owner {
    uid: 1000,
    gid: 1000,
};

/// A cache in memory that verifies what it hands out, as every cache does.
#[derive(Debug, Default)]
pub(crate) struct MemoryCache {
    pub(crate) metadata: CacheMetadata,
    pub(crate) layers: BTreeMap<Digest, Vec<u8>>,
    /// Layers that were opened, in order.
    pub(crate) opened: Mutex<Vec<Digest>>,
}

impl Cache for MemoryCache {
    fn name(&self) -> String {
        "memory".into()
    }

    fn metadata(&self) -> Result<CacheMetadata, CacheError> {
        Ok(self.metadata.clone())
    }

    fn open_layer(&self, diff_id: Digest) -> Result<Option<Box<dyn Read + Send>>, CacheError> {
        self.opened.lock().unwrap().push(diff_id);
        let bytes = self.layers.get(&diff_id).cloned();
        Ok(bytes.map(|bytes| {
            let reader = VerifyingReader::new(std::io::Cursor::new(bytes), diff_id, None);
            Box::new(reader) as Box<dyn Read + Send>
        }))
    }

    fn begin(&self) -> Result<Box<dyn CacheTransaction + '_>, CacheError> {
        Err(CacheError {
            action: "write to",
            cache: self.name(),
            source: "the restorer must not write to a cache".into(),
        })
    }
}

/// Everything a restoration needs.
pub(crate) struct Stage {
    root: TempDir,
    pub(crate) inputs: RestoreInputs,
    pub(crate) analyzed: Analyzed,
    pub(crate) group: Group,
    pub(crate) cache: MemoryCache,
}

impl Stage {
    pub(crate) fn new(api: PlatformApi) -> Self {
        let root = TempDir::new().unwrap();
        for directory in ["layers", "before"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        let inputs = RestoreInputs {
            layers_dir: root.path().join("layers"),
            skip_layers: false,
            features: api.features(),
            platform: platform("linux", "amd64"),
            run_images: RunImages::default(),
            owner: OWNER,
            workers: 3.try_into().unwrap(),
        };
        let group = "[[group]]\nid = \"some/bp\"\nversion = \"1\"\napi = \"0.12\"\n";
        Self {
            root,
            inputs,
            analyzed: Analyzed {
                metadata: Some(LifecycleMetadata {
                    buildpacks: vec![empty_buildpack()],
                    ..LifecycleMetadata::default()
                }),
                ..Analyzed::default()
            },
            group: parse(group).unwrap(),
            cache: MemoryCache {
                metadata: CacheMetadata {
                    buildpacks: vec![empty_buildpack()],
                    sbom: LayerSha::default(),
                },
                ..MemoryCache::default()
            },
        }
    }

    /// A path below the layers directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.inputs.layers_dir.join(name)
    }

    pub(crate) fn app(&mut self) -> &mut LifecycleMetadata {
        self.analyzed.metadata.as_mut().unwrap()
    }

    /// Records a layer in the label of the app image.
    pub(crate) fn in_app(&mut self, name: &str, layer: LayerMetadata) {
        self.app().buildpacks[0].layers.insert(name.into(), layer);
    }

    /// Records a layer in the cache.
    pub(crate) fn in_cache(&mut self, name: &str, layer: LayerMetadata) {
        let buildpack = &mut self.cache.metadata.buildpacks[0];
        buildpack.layers.insert(name.into(), layer);
    }

    /// Puts an archive into the cache and returns its diff ID.
    pub(crate) fn archive(&mut self, tar: Vec<u8>) -> Digest {
        let diff_id = digest(&tar);
        self.cache.layers.insert(diff_id, tar);
        diff_id
    }

    /// Puts the archive of a directory of the layers directory with one file into the cache; nothing stays on disk.
    pub(crate) fn cached_directory(&mut self, name: &str, file: &str, text: &str) -> Digest {
        let root = self.path(name);
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let content = LayerContent::Tree {
            root,
            owner: Owner {
                uid: metadata.uid(),
                gid: metadata.gid(),
            },
        };
        let mut tar = Vec::new();
        content.write_tar(&mut tar).unwrap();
        for entry in fs::read_dir(&self.inputs.layers_dir).unwrap() {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        self.archive(tar)
    }

    pub(crate) fn restore(&self, log: &RecordingLog) -> Result<Restored, RestoreError> {
        let sources = Sources {
            cache: Some(&self.cache),
            store: None,
        };
        restore(&self.inputs, &self.analyzed, &self.group, sources, log)
    }

    /// Every path below the layers directory, sorted; files with their text, directories with a slash.
    pub(crate) fn tree(&self) -> Vec<String> {
        let mut tree = Vec::new();
        walk(&self.inputs.layers_dir, &self.inputs.layers_dir, &mut tree);
        tree.sort();
        tree
    }

    /// A path outside the layers directory.
    pub(crate) fn outside(&self) -> PathBuf {
        self.root.path().join("before")
    }
}

fn empty_buildpack() -> BuildpackLayers {
    BuildpackLayers {
        key: "some/bp".into(),
        version: "1".into(),
        ..BuildpackLayers::default()
    }
}

fn walk(root: &Path, directory: &Path, tree: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_dir() {
            tree.push(format!("{name}/"));
            walk(root, &path, tree);
        } else {
            tree.push(format!("{name}: {}", fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Flags as in `build+cache+launch`.
pub(crate) fn layer(flags: &str, sha: &str) -> LayerMetadata {
    let table = "n = 7\nf = 1.5\nd = 2020-01-02T03:04:05Z\n";
    LayerMetadata {
        sha: sha.into(),
        data: parse(table).unwrap(),
        build: flags.contains("build"),
        launch: flags.contains("launch"),
        cache: flags.contains("cache"),
    }
}

/// `<layer>.toml` of such a layer as it is restored.
pub(crate) const TOML: &str = "[metadata]\n  d = 2020-01-02T03:04:05Z\n  f = 1.5\n  n = 7\n";
