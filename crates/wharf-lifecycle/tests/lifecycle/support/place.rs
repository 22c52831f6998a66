//! A place to build in.
use super::command;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;
use wharf_image::ImageStore;
use wharf_testkit::image_recipe::ImageRecipe;

const BUILD: &str = r#"#!/bin/sh
set -e
printf '[[processes]]\ntype = "web"\ncommand = ["true"]\ndefault = true\n' > "$CNB_LAYERS_DIR/launch.toml"
mkdir -p "$CNB_LAYERS_DIR/tool"
printf '[types]\nlaunch = true\ncache = true\n' > "$CNB_LAYERS_DIR/tool.toml"
echo hello > "$CNB_LAYERS_DIR/tool/file"
printf '\033[32mgreen\033[0m 100%%\n'
"#;

/// A user who is not us when we are root; for anybody else the flags mean nothing but the owner of layers.
const IDS: [&str; 2] = ["-uid=65534", "-gid=65534"];

/// Directories of a build, and a buildpack `a/b`.
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for name in [
            "layers",
            "app",
            "platform/env",
            "cache",
            "layout",
            "temporary",
        ] {
            fs::create_dir_all(place.path(name)).unwrap();
        }
        for name in ["", "layout", "temporary", "app"] {
            open_to_all(&place.path(name));
        }
        place.write("app/main.txt", "source");
        place.write("launcher", "launcher");
        place.write(
            "order.toml",
            "[[order]]\n[[order.group]]\nid = \"a/b\"\nversion = \"1\"\n",
        );
        let descriptor = "api = \"0.10\"\n[buildpack]\nid = \"a/b\"\nversion = \"1\"\n[[targets]]\nos = \"linux\"\n";
        place.write("buildpacks/a_b/1/buildpack.toml", descriptor);
        place.script("detect", "#!/bin/sh\n");
        place.script("build", BUILD);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn script(&self, name: &str, text: &str) {
        let name = format!("buildpacks/a_b/1/bin/{name}");
        self.write(&name, text);
        fs::set_permissions(self.path(&name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Leaves a file to its owner alone.
    pub(crate) fn close(&self, name: &str) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The creator on these directories as a user who is not root.
    pub(crate) fn creator(&self, more: &[&str], environment: &[(&str, &str)]) -> Command {
        let flag = |name: &str, file: &str| format!("-{name}={}", self.path(file).display());
        let flags = [
            flag("layers", "layers"),
            flag("app", "app/"),
            flag("platform", "platform"),
            flag("buildpacks", "buildpacks"),
            flag("order", "order.toml"),
            flag("run", "run.toml"),
            flag("launcher", "launcher"),
            flag("cache-dir", "cache"),
        ];
        let mut arguments: Vec<&str> = flags.iter().map(String::as_str).chain(IDS).collect();
        arguments.extend(more);
        let temporary = self.path("temporary");
        let mut all = vec![
            ("CNB_PLATFORM_API", "0.12"),
            ("PATH", "/usr/bin:/bin"),
            ("TMPDIR", temporary.to_str().unwrap()),
        ];
        all.extend(environment);
        command("creator", &arguments, &all)
    }
}

pub(crate) fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

/// Puts a run image into `store`, and its name into `run.toml`.
pub(crate) fn add_run_image(place: &Place, store: &dyn ImageStore, name: &str) {
    place.write("run.toml", &format!("[[images]]\nimage = \"{name}\"\n"));
    ImageRecipe::new()
        .layer(&[("etc/base", b"base", 0o644)])
        .push(store, &[&name.parse().unwrap()]);
}
