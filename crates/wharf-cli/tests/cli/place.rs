//! Directories, images and runs for the tests.
use std::{
    fs,
    io::Read,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::Command,
    sync::Arc,
};
use tempfile::TempDir;
use wharf_image::{DraftLayer, Image, ImageStore, LayerSource, Platform, SealedImage};
use wharf_layout::LayoutStore;
use wharf_registry::{Credentials, RegistryOptions, RegistryStore};
use wharf_spec::reference::Reference;
use wharf_testkit::{ImageRecipe, image_recipe::Bytes};

/// A temporary directory, and `wharf` run in it.
pub(crate) struct Place(TempDir);

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    #[track_caller]
    pub(crate) fn failure(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self.err
    }
}

/// The tag `name` of any layout directory.
pub(crate) fn tag(name: &str) -> Reference {
    format!("layout.invalid/any:{name}").parse().unwrap()
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn program(&self, name: &str, content: &str) {
        self.write(name, content);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// `wharf` with a home of its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.0.path());
        command
    }

    pub(crate) fn wharf(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().unwrap();
        Run {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Writes an image to `oci:<dir>:<name>`.
    pub(crate) fn image(&self, dir: &str, name: &str, recipe: &ImageRecipe) -> Image {
        let store = LayoutStore::single(self.path(dir));
        recipe.push(&store, &[&tag(name)])
    }

    /// Pushes `oci:<dir>:<name>` to `to`.
    pub(crate) fn push(&self, dir: &str, name: &str, login: (&str, &str, &str), to: &str) {
        let (host, user, password) = login;
        let store = RegistryStore::new(RegistryOptions {
            credentials: Credentials::anonymous().with_password(host, user, password),
            ..RegistryOptions::default()
        })
        .unwrap();
        let to: Reference = to.parse().unwrap();
        let image = self.read(dir, name);
        let from = LayoutStore::single(self.path(dir));
        let mut layers = Vec::new();
        for layer in image.layers() {
            let mut bytes = Vec::new();
            let mut blob = from.open_blob(&tag(name), &layer.descriptor).unwrap();
            blob.read_to_end(&mut bytes).unwrap();
            let mut draft = DraftLayer::from_image(layer, &to, None);
            draft.source = LayerSource::Bytes(Arc::new(Bytes(Arc::new(bytes))));
            store.put_layer(&to, &draft).unwrap();
            layers.push(draft);
        }
        store
            .put_image(&SealedImage { image, layers }, &[to])
            .unwrap();
    }

    /// Reads `oci:<dir>:<name>`.
    pub(crate) fn read(&self, dir: &str, name: &str) -> Image {
        let platform = Platform {
            os: "linux".into(),
            architecture: architecture().into(),
            variant: None,
        };
        let store = LayoutStore::single(self.path(dir));
        store.find(&tag(name), &platform).unwrap().unwrap()
    }

    /// The files of an image, as `path mode owner:group`, and their content by path.
    pub(crate) fn archive(&self, dir: &str, image: &Image) -> Vec<(String, String)> {
        let store = LayoutStore::single(self.path(dir));
        let mut files = Vec::new();
        for layer in image.layers() {
            let bytes = store.open_blob(&tag("any"), &layer.descriptor).unwrap();
            let mut archive = tar::Archive::new(wharf_layer::blob::decompress(bytes).unwrap());
            for entry in archive.entries().unwrap() {
                let mut entry = entry.unwrap();
                let header = entry.header();
                let line = format!(
                    "{} {:o} {}:{}",
                    entry.path().unwrap().display(),
                    header.mode().unwrap(),
                    header.uid().unwrap(),
                    header.gid().unwrap()
                );
                let mut content = Vec::new();
                std::io::copy(&mut entry, &mut content).unwrap();
                files.push((line, String::from_utf8_lossy(&content).into_owned()));
            }
        }
        files
    }

    /// A build image, two buildpacks, a lifecycle that does nothing, and `builder.toml`.
    pub(crate) fn with_builder_sources() -> Self {
        let place = Self::new();
        place.image("base", "build", &build_image());
        for (id, version) in [("example/first", "1.0.0"), ("example/second", "2.1")] {
            let dir = format!("source/{}", id.replace('/', "-"));
            let descriptor = format!(
                "api = \"0.10\"\n[buildpack]\nid = \"{id}\"\nversion = \"{version}\"\nname = \"An example\"\n[[targets]]\nos = \"linux\"\n"
            );
            place.write(&format!("{dir}/buildpack.toml"), &descriptor);
            place.program(&format!("{dir}/bin/detect"), "#!/bin/sh\nexit 0\n");
            place.program(&format!("{dir}/bin/build"), "#!/bin/sh\nexit 0\n");
            place.write(&format!("{dir}/lib/text"), id);
        }
        place.lifecycle("dist");
        place.write("source/builder.toml", BUILDER);
        place
    }

    fn lifecycle(&self, dir: &str) {
        self.write(&format!("{dir}/lifecycle.toml"), LIFECYCLE);
        self.program(&format!("{dir}/lifecycle/lifecycle"), "all in one");
        self.program(&format!("{dir}/lifecycle/launcher"), "launcher");
        for name in [
            "analyzer", "detector", "restorer", "builder", "exporter", "creator",
        ] {
            symlink("lifecycle", self.path(&format!("{dir}/lifecycle/{name}"))).unwrap();
        }
    }
}

pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

pub(crate) fn base() -> ImageRecipe {
    ImageRecipe::new().platform("linux", architecture(), None)
}

pub(crate) fn build_image() -> ImageRecipe {
    base()
        .layer(&[("etc/passwd", b"cnb:x:1234:2345::/home/cnb:/bin/sh\n", 0o644)])
        .env("PATH", "/bin")
        .env("CNB_USER_ID", "1234")
        .env("CNB_GROUP_ID", "2345")
        .label("io.buildpacks.base.distro.name", "tiny")
}

pub(crate) const BUILDER: &str = r#"
description = "A builder"

[[buildpacks]]
uri = "example-first"
id = "example/first"

[[buildpacks]]
uri = "example-second"
version = "2.1"

[[order]]
[[order.group]]
id = "example/second"
optional = true
[[order.group]]
id = "example/first"
version = "1.0.0"

[build]
image = "oci:../base:build"
[[build.env]]
name = "GREETING"
value = "hello"
suffix = "append"
delim = " "

[run]
[[run.images]]
image = "registry.example/run:1"
mirrors = ["mirror.example/run:1"]

[lifecycle]
uri = "../dist"
"#;

const LIFECYCLE: &str = r#"
[api]
buildpack = "0.7"
platform = "0.7"
[apis.buildpack]
deprecated = []
supported = ["0.7", "0.10"]
[apis.platform]
deprecated = []
supported = ["0.7", "0.15"]
[lifecycle]
version = "1.2.3"
"#;
