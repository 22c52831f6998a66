//! An image being made. Edits change what they name; media types, annotations and unknown members are kept.
use crate::{
    descriptor::Descriptor,
    family::Family,
    history::History,
    image::{Image, ImageError, Layer},
    platform::Platform,
    rebase, seal,
};
use serde_json::{Map, Value};
use std::sync::Arc;
use wharf_layer::{Blob, BlobSource};
use wharf_spec::{digest::Digest, reference::Reference};

/// Where the bytes of a draft's layer are.
#[derive(Debug, Clone)]
pub enum LayerSource {
    /// In a repository of the same store; the store mounts or copies it where it is missing.
    Repository(Reference),
    /// At hand.
    Bytes(Arc<dyn BlobSource>),
}

/// A layer of a draft.
#[derive(Debug, Clone)]
pub struct DraftLayer {
    /// Descriptor of the compressed bytes; its media type is written in the draft's family.
    pub descriptor: Descriptor,
    /// Diff ID.
    pub diff_id: Digest,
    /// `created_by` of the history entry; `None` leaves the entry blank.
    pub created_by: Option<String>,
    /// Where the bytes are.
    pub source: LayerSource,
}

impl DraftLayer {
    /// A new layer with the bytes at hand, in the given family.
    pub fn from_blob(blob: Blob, family: Family, created_by: Option<String>) -> Self {
        let descriptor = Descriptor {
            media_type: family.layer(blob.compression).to_owned(),
            digest: blob.digest,
            size: blob.size,
            rest: Map::new(),
        };
        Self {
            descriptor,
            diff_id: blob.diff_id,
            created_by,
            source: LayerSource::Bytes(Arc::new(blob)),
        }
    }

    /// A layer of an image that is in `repository`.
    pub fn from_image(layer: &Layer, repository: &Reference, created_by: Option<String>) -> Self {
        Self {
            descriptor: layer.descriptor.clone(),
            diff_id: layer.diff_id,
            created_by,
            source: LayerSource::Repository(repository.clone()),
        }
    }
}

/// The image being made.
#[derive(Debug, Clone)]
pub struct ImageDraft {
    pub(crate) family: Family,
    pub(crate) manifest: Map<String, Value>,
    pub(crate) config: Map<String, Value>,
    pub(crate) layers: Vec<DraftLayer>,
    /// One entry per layer.
    pub(crate) history: Vec<History>,
    pub(crate) keep_history: bool,
    pub(crate) created: String,
}

/// Members of a config that speak of the build that made it, not of the image.
const OF_THE_BUILD: [&str; 7] = [
    "author",
    "container",
    "container_config",
    "docker_version",
    "id",
    "parent",
    "throwaway",
];

impl ImageDraft {
    /// Starts from `base` in `repository`: its layers (with their history when `keep_history`), config, annotations
    /// and family. `created` (RFC 3339) becomes the time of image and history; entries of empty layers are dropped.
    ///
    /// Without `keep_history` the entries of layers pushed later stay blank, too.
    pub fn from_base(
        base: &Image,
        repository: &Reference,
        created: &str,
        keep_history: bool,
    ) -> Self {
        let mut config = base.config().clone();
        config.retain(|name, _| {
            !OF_THE_BUILD.contains(&name.as_str()) && !name.starts_with("moby.buildkit.")
        });
        let mut manifest = base.manifest().clone();
        // What is attached to another image, or is another kind of artifact, is so by its own digest.
        manifest.retain(|name, _| name != "subject" && name != "artifactType");
        let history = if keep_history {
            History::of_layers(base)
        } else {
            vec![History::default(); base.layers().len()]
        };
        Self {
            family: base.family(),
            manifest,
            config,
            layers: draft_layers(base.layers(), repository, &history),
            history,
            keep_history,
            created: created.to_owned(),
        }
    }

    /// Starts from nothing, for cache and builder images.
    pub fn empty(platform: &Platform, family: Family, created: &str) -> Self {
        let mut config = Map::new();
        config.insert("architecture".into(), platform.architecture.clone().into());
        config.insert("os".into(), platform.os.clone().into());
        if let Some(variant) = &platform.variant {
            config.insert("variant".into(), variant.clone().into());
        }
        Self {
            family,
            manifest: Map::new(),
            config,
            layers: Vec::new(),
            history: Vec::new(),
            keep_history: true,
            created: created.to_owned(),
        }
    }

    /// `app` with the layers up to and including diff ID `old_top` replaced by those of `new_base` (in
    /// `new_base_repository`). `None` when `app` has no such layer. History keeps one entry per layer; config, labels,
    /// annotations and family of `app` stay.
    ///
    /// `old_top` may stand in `app` more than once. The one meant is the last that leaves room above it for the layers
    /// the app's own label lists: a layer of the app may equal the top of its base (an empty slice on an empty layer)
    /// as well as a lower layer of the base may. Without that label the first is taken, as the reference does.
    pub fn rebase(
        app: &Image,
        app_repository: &Reference,
        old_top: Digest,
        new_base: &Image,
        new_base_repository: &Reference,
    ) -> Option<Self> {
        let first_of_app = rebase::first_layer_above(app, old_top)?;
        let created = app.config().get("created").and_then(Value::as_str);
        let created = created.unwrap_or(rebase::CREATED).to_owned();
        let mut history = History::of_layers(new_base);
        history.extend(History::of_layers(app).split_off(first_of_app));
        let base_entries = history.get(..new_base.layers().len())?;
        let app_entries = history.get(new_base.layers().len()..)?;
        let mut layers = draft_layers(new_base.layers(), new_base_repository, base_entries);
        // Most of a patched base is what the old one was, and lies where the app is.
        for layer in &mut layers {
            let digest = layer.descriptor.digest;
            if app
                .layers()
                .iter()
                .any(|old| old.descriptor.digest == digest)
            {
                layer.source = LayerSource::Repository(app_repository.clone());
            }
        }
        let of_app = app.layers().get(first_of_app..)?;
        layers.extend(draft_layers(of_app, app_repository, app_entries));
        Some(Self {
            family: app.family(),
            manifest: app.manifest().clone(),
            config: app.config().clone(),
            layers,
            history,
            keep_history: true,
            created,
        })
    }

    /// Family of the image being made.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Sets the family that all media types are written in; see [`ImageStore::family`](crate::ImageStore::family).
    pub fn set_family(&mut self, family: Family) {
        self.family = family;
    }

    /// Layers, lowest first.
    pub fn layers(&self) -> &[DraftLayer] {
        &self.layers
    }

    /// Appends a layer.
    pub fn push_layer(&mut self, layer: DraftLayer) {
        let created_by = layer.created_by.clone().filter(|_| self.keep_history);
        self.history.push(History::created_by(created_by));
        self.layers.push(layer);
    }

    /// Sets a label.
    pub fn set_label(&mut self, name: &str, value: &str) {
        object(self.run_config(), "Labels").insert(name.to_owned(), value.into());
    }

    /// Removes a label.
    pub fn remove_label(&mut self, name: &str) {
        object(self.run_config(), "Labels").shift_remove(name);
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.config
            .get("config")?
            .get("Labels")?
            .get(name)?
            .as_str()
    }

    /// The value of an environment variable.
    pub fn env(&self, name: &str) -> Option<&str> {
        let entries = self.config.get("config")?.get("Env")?.as_array()?;
        let value = |entry: &'_ Value| assigned(entry, name).is_some();
        entries
            .iter()
            .find(|entry| value(entry))
            .and_then(|entry| assigned(entry, name))
    }

    /// Sets an environment variable: in place when it exists, else at the end.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let entry = Value::from(format!("{name}={value}"));
        let slot = self.run_config().entry("Env").or_insert(Value::Null);
        let mut entries = match slot.take() {
            Value::Array(entries) => entries,
            _ => Vec::new(),
        };
        match entries
            .iter()
            .position(|entry| assigned(entry, name).is_some())
        {
            Some(first) => {
                let mut position = 0;
                entries.retain(|entry| {
                    position += 1;
                    position - 1 <= first || assigned(entry, name).is_none()
                });
                entries[first] = entry;
            }
            None => entries.push(entry),
        }
        *slot = Value::Array(entries);
    }

    /// Sets the entrypoint and removes the default command.
    pub fn set_entrypoint(&mut self, entrypoint: &[String]) {
        let config = self.run_config();
        config.insert("Entrypoint".into(), entrypoint.into());
        config.shift_remove("Cmd");
        // Docker's note that Cmd was escaped for a Windows shell goes with it.
        config.shift_remove("ArgsEscaped");
    }

    /// Sets the working directory.
    pub fn set_working_dir(&mut self, dir: &str) {
        self.run_config().insert("WorkingDir".into(), dir.into());
    }

    /// Sets what the image runs on; without a variant none is left.
    pub fn set_platform(&mut self, platform: &Platform) {
        let members = [
            ("os", Some(platform.os.as_str())),
            ("architecture", Some(platform.architecture.as_str())),
            ("variant", platform.variant.as_deref()),
        ];
        for (name, value) in members {
            match value {
                Some(value) => self.config.insert(name.into(), value.into()),
                None => self.config.shift_remove(name),
            };
        }
    }

    /// Sets `User`.
    pub fn set_user(&mut self, user: &str) {
        self.run_config().insert("User".into(), user.into());
    }

    /// Sets a manifest annotation.
    pub fn set_annotation(&mut self, name: &str, value: &str) {
        object(&mut self.manifest, "annotations").insert(name.to_owned(), value.into());
    }

    /// Fixes the bytes. Members of every document are in one canonical order, so equal drafts have equal digests.
    ///
    /// All media types are written in the draft's family, which repairs mixed images; a Docker image with zstd layers
    /// becomes an OCI one, since Docker has no name for those.
    pub fn seal(self) -> Result<SealedImage, ImageError> {
        seal::seal(self)
    }

    /// `config.config`, what the image says about running it.
    fn run_config(&mut self) -> &mut Map<String, Value> {
        object(&mut self.config, "config")
    }
}

/// An image whose bytes are fixed.
#[derive(Debug, Clone)]
pub struct SealedImage {
    /// The image.
    pub image: Image,
    /// Its layers with their sources, lowest first.
    pub layers: Vec<DraftLayer>,
}

/// The object at `name`, made when it is missing or null.
fn object<'a>(members: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let slot = members.entry(name).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(object) => object,
        _ => unreachable!("an object was put there"),
    }
}

/// The value of an `Env` entry when it sets `name`.
fn assigned<'a>(entry: &'a Value, name: &str) -> Option<&'a str> {
    let (key, value) = entry.as_str()?.split_once('=')?;
    (key == name).then_some(value)
}

fn draft_layers(layers: &[Layer], repository: &Reference, history: &[History]) -> Vec<DraftLayer> {
    let pairs = layers.iter().zip(history);
    pairs
        .map(|(layer, entry)| {
            let created_by = entry.created_by_text().map(ToOwned::to_owned);
            DraftLayer::from_image(layer, repository, created_by)
        })
        .collect()
}
