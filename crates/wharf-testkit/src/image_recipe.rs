//! Small images, made in memory.
use flate2::{Compression as Level, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    io::{self, Cursor, Read, Write},
    sync::Arc,
};
use wharf_image::{
    Descriptor, DraftLayer, Family, Image, ImageDraft, ImageStore, LayerSource, Platform,
    SealedImage,
};
use wharf_layer::{
    BlobSource, Compression,
    tar::{Entry, EntryKind, TarWriter},
};
use wharf_spec::{digest::Digest, reference::Reference};

/// File type bits of a symbolic link, whose content is its target.
pub const SYMLINK: u32 = 0o120_000;

/// One file of a layer: path, content, mode. A path that ends in `/` is a directory; a mode with [`SYMLINK`] is a
/// symbolic link. Parents that are missing are added with mode 0755.
pub type File<'a> = (&'a str, &'a [u8], u32);

/// Bytes in memory as the source of a blob.
#[derive(Debug, Clone)]
pub struct Bytes(pub Arc<Vec<u8>>);

impl BlobSource for Bytes {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.0.as_ref().clone())))
    }
}

/// What an image is made of.
#[derive(Debug, Clone)]
pub struct ImageRecipe {
    family: Family,
    platform: Platform,
    compression: Compression,
    layers: Vec<(Vec<u8>, Option<String>)>,
    labels: Vec<(String, String)>,
    env: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    user: Option<String>,
    entrypoint: Vec<String>,
}

impl Default for ImageRecipe {
    fn default() -> Self {
        Self::new()
    }
}

impl ImageRecipe {
    /// An OCI image for linux/amd64 without layers.
    pub fn new() -> Self {
        Self {
            family: Family::Oci,
            platform: platform("linux", "amd64"),
            compression: Compression::Gzip,
            layers: Vec::new(),
            labels: Vec::new(),
            env: Vec::new(),
            annotations: Vec::new(),
            user: None,
            entrypoint: Vec::new(),
        }
    }

    /// Family of the media types.
    #[must_use]
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Platform.
    #[must_use]
    pub fn platform(mut self, os: &str, architecture: &str, variant: Option<&str>) -> Self {
        self.platform = platform(os, architecture);
        self.platform.variant = variant.map(ToOwned::to_owned);
        self
    }

    /// Compression of all layers.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Adds a layer of files.
    #[must_use]
    pub fn layer(self, files: &[File<'_>]) -> Self {
        self.raw_layer(archive(files))
    }

    /// Adds a layer with these bytes as its uncompressed archive.
    #[must_use]
    pub fn raw_layer(mut self, tar: Vec<u8>) -> Self {
        self.layers.push((tar, None));
        self
    }

    /// Names in the history who made the layer added last.
    #[must_use]
    pub fn created_by(mut self, text: &str) -> Self {
        if let Some((_, created_by)) = self.layers.last_mut() {
            *created_by = Some(text.to_owned());
        }
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a manifest annotation.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the user.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Sets the entrypoint.
    #[must_use]
    pub fn entrypoint(mut self, entrypoint: &[&str]) -> Self {
        self.entrypoint = entrypoint.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// The image.
    ///
    /// # Panics
    /// When the recipe makes no image; tests have no use for the error.
    #[expect(clippy::expect_used, reason = "a recipe is part of a test")]
    pub fn build(&self) -> SealedImage {
        let mut draft = ImageDraft::empty(&self.platform, self.family, "2024-01-01T00:00:00Z");
        for (tar, created_by) in &self.layers {
            let mut layer = layer(tar, self.compression, self.family);
            layer.created_by.clone_from(created_by);
            draft.push_layer(layer);
        }
        self.labels
            .iter()
            .for_each(|(name, value)| draft.set_label(name, value));
        self.env
            .iter()
            .for_each(|(name, value)| draft.set_env(name, value));
        self.annotations
            .iter()
            .for_each(|(name, value)| draft.set_annotation(name, value));
        if let Some(user) = &self.user {
            draft.set_user(user);
        }
        if !self.entrypoint.is_empty() {
            draft.set_entrypoint(&self.entrypoint);
        }
        draft.seal().expect("recipe makes an image")
    }

    /// Makes the image and writes it to `tags` of a store.
    ///
    /// # Panics
    /// When the store fails.
    pub fn push(&self, store: &dyn ImageStore, tags: &[&Reference]) -> Image {
        let sealed = self.build();
        push(store, &sealed, tags);
        sealed.image
    }
}

/// Writes a sealed image with all its layers.
///
/// # Panics
/// When the store fails.
#[expect(clippy::expect_used, reason = "only tests call it")]
pub fn push(store: &dyn ImageStore, sealed: &SealedImage, tags: &[&Reference]) {
    for layer in &sealed.layers {
        store.put_layer(tags[0], layer).expect("layer is taken");
    }
    let tags: Vec<Reference> = tags.iter().map(|tag| (*tag).clone()).collect();
    store.put_image(sealed, &tags).expect("image is taken");
}

/// A platform without a variant.
pub fn platform(os: &str, architecture: &str) -> Platform {
    Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: None,
    }
}

/// A layer with its bytes in memory.
pub fn layer(tar: &[u8], compression: Compression, family: Family) -> DraftLayer {
    let bytes = compress(tar, compression);
    DraftLayer {
        descriptor: Descriptor {
            media_type: family.layer(compression).to_owned(),
            digest: digest(&bytes),
            size: bytes.len() as u64,
            rest: serde_json::Map::new(),
        },
        diff_id: digest(tar),
        created_by: None,
        source: LayerSource::Bytes(Arc::new(Bytes(Arc::new(bytes)))),
    }
}

/// sha256 of bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// An uncompressed archive of files, in the order given.
///
/// # Panics
/// When a name is too odd for an archive.
#[expect(clippy::expect_used, reason = "writing to memory does not fail")]
pub fn archive(files: &[File<'_>]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    let mut seen = BTreeSet::new();
    for (path, content, mode) in files {
        let name = path.trim_end_matches('/');
        for (at, _) in name.match_indices('/').filter(|(at, _)| *at > 0) {
            if seen.insert(name[..at].to_owned()) {
                let parent = entry(&name[..at], EntryKind::Directory, 0o755);
                writer
                    .append(&parent, &mut io::empty())
                    .expect("write to memory");
            }
        }
        let kind = if path.ends_with('/') {
            seen.insert(name.to_owned());
            EntryKind::Directory
        } else if mode & SYMLINK == SYMLINK {
            EntryKind::Symlink {
                target: content.to_vec(),
            }
        } else {
            EntryKind::File {
                size: content.len() as u64,
            }
        };
        let entry = entry(name, kind, mode & 0o7777);
        writer
            .append(&entry, &mut &content[..])
            .expect("write to memory");
    }
    writer.finish().expect("write to memory")
}

fn entry(name: &str, kind: EntryKind, mode: u32) -> Entry {
    Entry {
        name: name.as_bytes().to_vec(),
        kind,
        mode,
        uid: 0,
        gid: 0,
    }
}

#[expect(clippy::expect_used, reason = "writing to memory does not fail")]
fn compress(tar: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => tar.to_vec(),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
            encoder.write_all(tar).expect("write to memory");
            encoder.finish().expect("write to memory")
        }
        Compression::Zstd => zstd::encode_all(tar, 1).expect("write to memory"),
    }
}
