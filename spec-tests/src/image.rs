//! An image as skopeo reads it.
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{fs, io::Read, path::PathBuf, process::Command};
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
    dir: TempDir,
}

impl Image {
    /// Copies the image out of a registry or layout (`docker://…`, `oci:…`) and verifies it on the way.
    pub fn pull(source: &str) -> Self {
        let dir = TempDir::new().expect("make a temporary directory");
        let output = Command::new("skopeo")
            .args([
                "copy",
                "--quiet",
                "--insecure-policy",
                "--src-tls-verify=false",
                source,
            ])
            .arg(format!("dir:{}", dir.path().display()))
            .output()
            .expect("start skopeo; cargo xtask test installs it");
        assert!(
            output.status.success(),
            "skopeo cannot read {source}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self::open(dir)
    }

    fn open(dir: TempDir) -> Self {
        let bytes = fs::read(dir.path().join("manifest.json")).expect("read the manifest");
        let manifest: Value = serde_json::from_slice(&bytes).expect("parse the manifest");
        let name = manifest["config"]["digest"]
            .as_str()
            .expect("the manifest names a config")[7..]
            .to_owned();
        let config = fs::read(dir.path().join(name)).expect("read the config");
        let config = serde_json::from_slice(&config).expect("parse the config");
        Self {
            manifest,
            config,
            digest: digest(&bytes),
            dir,
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

    /// The uncompressed archive of a layer.
    pub fn archive(&self, index: usize) -> Vec<u8> {
        let path = self.blob(&self.layers()[index].0);
        let bytes = fs::read(&path).expect("read a layer");
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return bytes;
        }
        let mut archive = Vec::new();
        MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut archive)
            .expect("decompress a layer");
        archive
    }

    /// The entries of a layer in order.
    pub fn entries(&self, index: usize) -> Vec<Entry> {
        entries(&self.archive(index))
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.dir.path().join(digest.trim_start_matches("sha256:"))
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

/// `sha256:<hex>` of bytes.
pub fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
