//! Images made for tests: base images, and app images as other lifecycles leave them.
use crate::{image::digest, registry::Registry};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::{fs, io::Write, path::Path};

/// An image before it is pushed.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Uncompressed archives, lowest first.
    pub layers: Vec<Vec<u8>>,
    /// Config without `rootfs`; it is added on pushing.
    pub config: Value,
    /// Whether the manifest and all it names are of Docker's media types.
    pub docker: bool,
}

impl Recipe {
    /// An image without layers and labels for linux on this machine's architecture.
    pub fn empty() -> Self {
        Self {
            layers: Vec::new(),
            config: json!({
                "os": "linux",
                "architecture": architecture(),
                "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Labels": {}},
            }),
            docker: false,
        }
    }

    /// The run image of most tests: a stack, a distribution, and two users.
    pub fn run_image() -> Self {
        let mut recipe = Self::empty()
            .layer(&[
                ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
                (
                    "etc/passwd",
                    "root:x:0:0::/root:/bin/sh\ncnb:x:1000:1000::/home/cnb:/bin/sh\n",
                ),
                ("etc/group", "root:x:0:\ncnb:x:1000:\n"),
            ])
            .label("io.buildpacks.stack.id", "example.stack")
            .label("io.buildpacks.base.distro.name", "debian")
            .label("io.buildpacks.base.distro.version", "12");
        recipe.config["config"]["User"] = json!("1000:1000");
        recipe
    }

    /// With one more layer of files on top.
    #[must_use]
    pub fn layer(mut self, files: &[(&str, &str)]) -> Self {
        self.layers.push(archive(files));
        self
    }

    /// With a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.config["config"]["Labels"][name] = json!(value);
        self
    }

    /// Pushes it to `name` (`repository[:tag]`) and gives the digest of the manifest.
    pub fn push(&self, registry: &Registry, name: &str) -> String {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        let client = registry.client();
        let manifest = self.make(|blob| client.push_blob(repository, blob));
        let (media_type, ..) = self.media_types();
        client.push_manifest(repository, tag, media_type, &manifest)
    }

    /// Writes it as the only image of an OCI layout.
    pub fn write_layout(&self, dir: &Path) {
        let blobs = dir.join("blobs/sha256");
        fs::create_dir_all(&blobs).expect("make the directory of blobs");
        let write = |blob: &[u8]| {
            let name = digest(blob).replacen("sha256:", "", 1);
            fs::write(blobs.join(name), blob).expect("write a blob");
        };
        let manifest = self.make(write);
        write(&manifest);
        let (media_type, ..) = self.media_types();
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{"mediaType": media_type, "digest": digest(&manifest), "size": manifest.len()}],
        });
        fs::write(dir.join("index.json"), index.to_string()).expect("write the index");
        let version = json!({"imageLayoutVersion": "1.0.0"}).to_string();
        fs::write(dir.join("oci-layout"), version).expect("write the version of the layout");
    }

    /// Gives every blob to `put`, and the bytes of the manifest back.
    fn make(&self, put: impl Fn(&[u8])) -> Vec<u8> {
        let (manifest_type, config_type, layer_type) = self.media_types();
        let mut layers = Vec::new();
        let mut diff_ids = Vec::new();
        for archive in &self.layers {
            let blob = compress(archive);
            put(&blob);
            layers.push(
                json!({"mediaType": layer_type, "digest": digest(&blob), "size": blob.len()}),
            );
            diff_ids.push(digest(archive));
        }
        let mut config = self.config.clone();
        if config.get("rootfs").is_none() {
            config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
        }
        let config = config.to_string().into_bytes();
        put(&config);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": {"mediaType": config_type, "digest": digest(&config), "size": config.len()},
            "layers": layers,
        });
        manifest.to_string().into_bytes()
    }

    fn media_types(&self) -> (&'static str, &'static str, &'static str) {
        if self.docker {
            (
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
            )
        } else {
            (
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.oci.image.layer.v1.tar+gzip",
            )
        }
    }
}

/// An archive of regular files with mode 644 that belong to root.
pub fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1);
        builder
            .append_data(&mut header, path, content.as_bytes())
            .expect("append a file");
    }
    builder.into_inner().expect("end an archive")
}

/// This machine's architecture as images name it.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// An archive as a gzip layer.
pub fn compress(archive: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(archive).expect("compress a layer");
    encoder.finish().expect("end a compressed layer")
}
