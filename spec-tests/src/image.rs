//! An image as independent readers see it: skopeo, or plain requests to a registry.
use crate::registry::Registry;
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fs, io::Read, path::Path, process::Command};
use tempfile::TempDir;

/// One entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name.
    pub path: String,
    /// Type byte of the header.
    pub kind: u8,
    /// Permission bits.
    pub mode: u32,
    /// User.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Target of a link.
    pub link: String,
    /// Content of a file.
    pub content: Vec<u8>,
}

/// An image with everything it has.
#[derive(Debug)]
pub struct Image {
    /// Manifest.
    pub manifest: Value,
    /// Config.
    pub config: Value,
    /// Digest of the manifest.
    pub digest: String,
    /// Bytes of the manifest.
    pub manifest_size: usize,
    /// Media type of the manifest.
    pub media_type: String,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Image {
    /// Copies the image out of a registry or layout (`docker://…`, `oci:…`) and verifies it on the way.
    pub fn pull(source: &str) -> Self {
        Self::pull_as(source, None)
    }

    /// The same with user and password.
    pub fn pull_as(source: &str, login: Option<(&str, &str)>) -> Self {
        let dir = TempDir::new().expect("make a temporary directory");
        let mut skopeo = Command::new("skopeo");
        skopeo.args([
            "copy",
            "--quiet",
            "--insecure-policy",
            "--src-tls-verify=false",
        ]);
        if let Some((user, password)) = login {
            skopeo.args(["--src-creds", &format!("{user}:{password}")]);
        }
        let output = skopeo
            .arg(source)
            .arg(format!("dir:{}", dir.path().display()))
            .output()
            .expect("start skopeo; cargo xtask test installs it");
        assert!(
            output.status.success(),
            "skopeo cannot read {source}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let manifest = fs::read(dir.path().join("manifest.json")).expect("read the manifest");
        Self::open(&manifest, "", |digest| {
            fs::read(dir.path().join(&digest[7..])).expect("read a blob")
        })
    }

    /// The image at a reference (`host/repository[:tag][@digest]`), with every blob checked against its digest.
    pub fn find(registry: &Registry, reference: &str) -> Option<Self> {
        let name = reference
            .strip_prefix(&format!("{}/", registry.address()))
            .unwrap_or_else(|| panic!("{reference} is not on {}", registry.address()));
        let (repository, version) = match name.split_once('@') {
            Some((name, digest)) => (name.split(':').next().unwrap_or(name), digest),
            None => name.rsplit_once(':').unwrap_or((name, "latest")),
        };
        let (media_type, manifest) = registry.client().manifest(repository, version)?;
        Some(Self::open(&manifest, &media_type, |digest| {
            registry.client().blob(repository, digest)
        }))
    }

    /// The only image of an OCI layout.
    pub fn layout(dir: &Path) -> Self {
        let read = |path: &str| {
            fs::read(dir.join(path))
                .unwrap_or_else(|error| panic!("read {}/{path}: {error}", dir.display()))
        };
        let blob = |digest: &str| read(&format!("blobs/{}", digest.replacen(':', "/", 1)));
        let index: Value = serde_json::from_slice(&read("index.json")).expect("parse index.json");
        let entry = &index["manifests"][0];
        let digest = entry["digest"]
            .as_str()
            .expect("the index names a manifest");
        let media_type = entry["mediaType"].as_str().unwrap_or_default();
        Self::open(&blob(digest), media_type, blob)
    }

    fn open(bytes: &[u8], media_type: &str, blob: impl Fn(&str) -> Vec<u8>) -> Self {
        let manifest: Value = serde_json::from_slice(bytes).expect("parse the manifest");
        let mut blobs = BTreeMap::new();
        let layers = manifest["layers"]
            .as_array()
            .expect("the manifest has layers");
        for part in layers.iter().chain([&manifest["config"]]) {
            let name = part["digest"].as_str().expect("a descriptor has a digest");
            let bytes = blob(name);
            assert_eq!(digest(&bytes), name, "a blob is not what its digest says");
            assert_eq!(part["size"], bytes.len(), "the size of {name} is wrong");
            blobs.insert(name.to_owned(), bytes);
        }
        let config = manifest["config"]["digest"].as_str().unwrap_or_default();
        let config = serde_json::from_slice(&blobs[config]).expect("parse the config");
        Self {
            config,
            digest: digest(bytes),
            manifest_size: bytes.len(),
            media_type: media_type.to_owned(),
            manifest,
            blobs,
        }
    }

    /// Diff IDs from the config.
    pub fn diff_ids(&self) -> Vec<String> {
        let list = self.config["rootfs"]["diff_ids"]
            .as_array()
            .expect("the config has diff ids");
        list.iter()
            .map(|id| id.as_str().expect("a diff id is text").to_owned())
            .collect()
    }

    /// A label's text.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.config["config"]["Labels"][name].as_str()
    }

    /// A label as JSON.
    pub fn json_label(&self, name: &str) -> Value {
        let text = self
            .label(name)
            .unwrap_or_else(|| panic!("there is no label {name}"));
        serde_json::from_str(text).unwrap_or_else(|error| panic!("parse label {name}: {error}"))
    }

    /// Digests and sizes of the layers, lowest first.
    pub fn layers(&self) -> Vec<(String, u64)> {
        let list = self.manifest["layers"]
            .as_array()
            .expect("the manifest has layers");
        list.iter()
            .map(|layer| {
                let digest = layer["digest"]
                    .as_str()
                    .expect("a layer has a digest")
                    .to_owned();
                (digest, layer["size"].as_u64().expect("a layer has a size"))
            })
            .collect()
    }

    /// The bytes of a layer as they are stored.
    pub fn blob(&self, index: usize) -> &[u8] {
        &self.blobs[&self.layers()[index].0]
    }

    /// The uncompressed archive of a layer.
    pub fn archive(&self, index: usize) -> Vec<u8> {
        decompress(self.blob(index))
    }

    /// The entries of a layer in order.
    pub fn entries(&self, index: usize) -> Vec<Entry> {
        entries(&self.archive(index))
    }

    /// The entries of the layer with this diff ID.
    pub fn layer(&self, diff_id: &str) -> Vec<Entry> {
        let index = self.diff_ids().iter().position(|id| id == diff_id);
        self.entries(index.unwrap_or_else(|| panic!("the image has no layer {diff_id}")))
    }

    /// The entries of all layers above the lowest `base` ones, in order.
    pub fn entries_above(&self, base: usize) -> Vec<Entry> {
        (base..self.layers().len())
            .flat_map(|index| self.entries(index))
            .collect()
    }

    /// A variable of the config's environment.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.config["config"]["Env"]
            .as_array()?
            .iter()
            .find_map(|entry| entry.as_str()?.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The entries of an uncompressed archive in order.
pub fn entries(archive: &[u8]) -> Vec<Entry> {
    let mut archive = tar::Archive::new(archive);
    let list = archive.entries().expect("read an archive");
    list.map(|entry| {
        let mut entry = entry.expect("read an entry");
        let mut content = Vec::new();
        entry
            .read_to_end(&mut content)
            .expect("read an entry's content");
        let header = entry.header();
        Entry {
            path: String::from_utf8_lossy(&entry.path_bytes()).into_owned(),
            kind: header.entry_type().as_byte(),
            mode: header.mode().expect("an entry has a mode"),
            uid: header.uid().expect("an entry has a user"),
            gid: header.gid().expect("an entry has a group"),
            mtime: header.mtime().expect("an entry has a time"),
            link: entry
                .link_name_bytes()
                .map(|name| String::from_utf8_lossy(&name).into_owned())
                .unwrap_or_default(),
            content,
        }
    })
    .collect()
}

/// The archive in a layer's blob.
pub fn decompress(blob: &[u8]) -> Vec<u8> {
    if !blob.starts_with(&[0x1f, 0x8b]) {
        return blob.to_vec();
    }
    let mut archive = Vec::new();
    MultiGzDecoder::new(blob)
        .read_to_end(&mut archive)
        .expect("decompress a layer");
    archive
}

/// `sha256:<hex>` of bytes.
pub fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
