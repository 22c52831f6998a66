//! A pod: steps in containers of their own that share volumes and nothing else.
use serde_json::{Value, json};
use spec_tests::{
    client::basic,
    image::Image,
    lifecycle_dir, read,
    recipe::Recipe,
    registry::Registry,
    stage::{Outcome, Stage},
};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

const USER: &str = "robot$tool-demo+builder";
const PASSWORD: &str = "correct horse";

/// What Tekton's and Toolforge's tasks do with the report.
pub(crate) const GREP_DIGEST: &str = r#"grep "digest" /layers/report.toml | cut -d'"' -f2 | cut -d'"' -f2 | tr -d '\n' | tee /tekton/results/digest"#;

/// What is in the image of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// Lifecycle, buildpacks, order, run and stack files; runs as the user of the build image.
    Builder,
    /// The lifecycle alone; runs as root.
    Lifecycle,
}

/// Who runs in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Root with `CHOWN`, `DAC_OVERRIDE`, `FOWNER`, `SETUID` and `SETGID`.
    Root,
    /// A user and a group without any capability.
    Ids(u32, u32),
}

/// User of the build image.
pub(crate) const CNB: User = User::Ids(1000, 1000);

/// One container. Texts may hold `{registry}`, and `{registry-auth}` for the value of `CNB_REGISTRY_AUTH`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Container<'a> {
    pub(crate) base: Base,
    pub(crate) user: User,
    /// Variables beside those of the image.
    pub(crate) env: &'a [(&'a str, &'a str)],
    /// Volume and where it is.
    pub(crate) mounts: &'a [(&'a str, &'a str)],
}

/// Volumes, and a registry that asks for a password.
pub(crate) struct Pod {
    pub(crate) registry: Registry,
    stage: Stage,
}

impl Pod {
    /// A pod for the recorded app and buildpacks that speak `platform_api`.
    pub(crate) fn new(platform_api: &str) -> Self {
        let registry = Registry::start_private(USER, PASSWORD);
        Recipe::run_image().push(&registry, "golden/run:base");
        let recorded = match platform_api {
            "0.7" | "0.8" => "0.7",
            "0.9" | "0.10" | "0.11" => "0.9",
            "0.12" | "0.13" | "0.14" => "0.13",
            _ => "0.15",
        };
        let pod = Self {
            stage: Stage::sample(recorded, &registry.address()),
            registry,
        };
        for volume in ["layers", "cache", "platform/env"] {
            pod.open(volume);
        }
        pod
    }

    /// `text` with what only this pod knows.
    pub(crate) fn fill(&self, text: &str) -> String {
        let address = self.registry.address();
        let auth = json!({ address.as_str(): basic(USER, PASSWORD) });
        text.replace("{registry-auth}", &auth.to_string())
            .replace("{registry}", &address)
    }

    /// An empty directory every user can write, as Kubernetes makes them. It may be there already.
    pub(crate) fn open(&self, volume: &str) {
        let path = self.path(volume);
        fs::create_dir_all(&path).expect("make a volume");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("open a volume");
    }

    /// Writes a file into a volume.
    pub(crate) fn write(&self, path: &str, text: &str) {
        self.stage.write(path, &self.fill(text));
    }

    /// Writes `.docker/config.json` into a volume.
    pub(crate) fn write_docker_config(&self, directory: &str) {
        let login = basic(USER, PASSWORD).replace("Basic ", "");
        let address = self.registry.address();
        let config = json!({"auths": {address: {"auth": login}}});
        self.stage
            .write(&format!("{directory}/config.json"), &config.to_string());
    }

    /// A path in a volume, on this machine.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.stage.path(path)
    }

    /// Runs a command of words that hold no blanks.
    pub(crate) fn run(&self, container: &Container<'_>, words: &str) -> Outcome {
        let mut command = self.command(container);
        command.args(words.split_whitespace().map(|word| self.fill(word)));
        self.stage.finish(command)
    }

    /// The same for a command that has to succeed.
    #[track_caller]
    pub(crate) fn step(&self, container: &Container<'_>, words: &str) -> Outcome {
        let outcome = self.run(container, words);
        outcome.expect_code(0);
        outcome
    }

    /// Runs a script that has to succeed.
    #[track_caller]
    pub(crate) fn script(&self, container: &Container<'_>, text: &str) -> Outcome {
        let mut command = self.command(container);
        command.args(["/bin/sh", "-c", &self.fill(text)]);
        let outcome = self.stage.finish(command);
        outcome.expect_code(0);
        outcome
    }

    /// Leaves in the layers volume what the platform writes there: the next build is another pod.
    pub(crate) fn end_build(&self) {
        let kubelet = Container {
            base: Base::Builder,
            user: User::Root,
            env: &[],
            mounts: &[("layers", "/layers")],
        };
        self.script(
            &kubelet,
            "cd /layers && find . -mindepth 1 -maxdepth 1 ! -name run.toml ! -name stack.toml \
              ! -name project-metadata.toml -exec rm -r {} +",
        );
    }

    /// What the platform's own line takes out of the report, as the file or the task's result holds it.
    #[track_caller]
    pub(crate) fn digest_by(&self, script: &str) -> String {
        self.open("results");
        let tools = Container {
            base: Base::Builder,
            user: User::Root,
            env: &[],
            mounts: &[
                ("layers", "/layers"),
                ("report", "/var/report"),
                ("results", "/tekton/results"),
            ],
        };
        self.open("report");
        self.script(&tools, script);
        read(&self.path("results/digest"))
    }

    /// The image in the registry as skopeo reads it.
    pub(crate) fn pull(&self, name: &str) -> Image {
        let source = format!("docker://{}", self.registry.name(name));
        Image::pull_as(&source, Some((USER, PASSWORD)))
    }

    /// Copies an image of the registry into an OCI layout in a volume.
    pub(crate) fn copy_to_layout(&self, name: &str, layout: &str) {
        let status = Command::new("skopeo")
            .args(["copy", "--quiet", "--insecure-policy"])
            .args(["--src-tls-verify=false", "--src-creds"])
            .arg(format!("{USER}:{PASSWORD}"))
            .arg(format!("docker://{}", self.registry.name(name)))
            .arg(format!("oci:{}", self.path(layout).display()))
            .status()
            .expect("start skopeo");
        assert!(status.success(), "skopeo could not copy {name}");
    }

    /// As root, with no more of the image than system programs.
    fn command(&self, container: &Container<'_>) -> Command {
        let mut bwrap = as_root();
        bwrap.arg("bwrap").args([
            "--unshare-pid",
            "--unshare-ipc",
            "--die-with-parent",
            "--clearenv",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
            "--perms",
            "1777",
            "--tmpfs",
            "/tmp",
        ]);
        for system in ["/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"] {
            bwrap.args(["--ro-bind-try", system, system]);
        }
        if container.base == Base::Builder {
            bwrap.arg("--ro-bind").arg(self.path("cnb")).arg("/cnb");
        }
        let lifecycle = lifecycle_dir();
        if container.base == Base::Lifecycle {
            bwrap.args(["--perms", "0755", "--dir", "/cnb"]);
        }
        bwrap.arg("--ro-bind").arg(lifecycle).arg("/cnb/lifecycle");
        for (volume, place) in container.mounts {
            // Directories above a mount would be closed to all but root.
            for above in Path::new(place).ancestors().skip(1) {
                bwrap.args(["--perms", "0755", "--dir"]).arg(above);
            }
            bwrap.arg("--bind").arg(self.path(volume)).arg(place);
        }
        for (name, value) in image_env(container.base).iter().chain(container.env) {
            bwrap.args(["--setenv", name, &self.fill(value)]);
        }
        bwrap.args(["--remount-ro", "/", "--chdir", "/", "--"]);
        bwrap.args(setpriv(container.user));
        bwrap
    }
}

fn image_env(base: Base) -> &'static [(&'static str, &'static str)] {
    match base {
        Base::Builder => &[
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("HOME", "/home/cnb"),
            ("CNB_USER_ID", "1000"),
            ("CNB_GROUP_ID", "1000"),
            ("CNB_STACK_ID", "example.stack"),
        ],
        Base::Lifecycle => &[("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/root")],
    }
}

fn setpriv(user: User) -> Vec<String> {
    let mut words = vec!["setpriv".to_owned(), "--no-new-privs".to_owned()];
    words.push("--inh-caps=-all".to_owned());
    match user {
        User::Root => {
            words.push("--bounding-set=-all,+chown,+dac_override,+fowner,+setuid,+setgid".into());
        }
        User::Ids(user, group) => {
            words.push("--bounding-set=-all".to_owned());
            words.extend([
                format!("--reuid={user}"),
                format!("--regid={group}"),
                format!("--groups={group}"),
            ]);
        }
    }
    words
}

/// Starts a program as root: of a user namespace with the caller's further ids unless the caller is root.
fn as_root() -> Command {
    if is_root() {
        return Command::new("env");
    }
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--map-auto", "--"]);
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

impl Drop for Pod {
    /// What belongs to the caller's further ids is not the caller's to remove.
    fn drop(&mut self) {
        if !is_root() {
            let _ = as_root().args(["rm", "-rf"]).arg(self.path("")).status();
        }
    }
}

/// What platforms read of an app image: it has the process, names run image and stack both ways, and the launcher's
/// version is the lifecycle's (kpack takes a difference for a new lifecycle and rebuilds for ever).
#[track_caller]
pub(crate) fn assert_readable(pod: &Pod, image: &Image, process: &str) {
    let entrypoint = json!([format!("/cnb/process/{process}")]);
    assert_eq!(image.config["config"]["Entrypoint"], entrypoint);
    assert_eq!(
        image.label("io.buildpacks.stack.id"),
        Some("example.stack"),
        "kpack takes the stack from this label"
    );
    let lifecycle = image.json_label("io.buildpacks.lifecycle.metadata");
    let run_image = pod.registry.name("golden/run");
    let reference = lifecycle["runImage"]["reference"]
        .as_str()
        .unwrap_or_default();
    assert!(
        reference.starts_with(&format!("{run_image}@sha256:")),
        "{reference}"
    );
    let names = [
        &lifecycle["stack"]["runImage"]["image"],
        &lifecycle["runImage"]["image"],
    ];
    let expected = Value::String(format!("{run_image}:base"));
    assert!(names.contains(&&expected), "{lifecycle}");
    let build = image.json_label("io.buildpacks.build.metadata");
    let said = pod.stage.run("/cnb/lifecycle/lifecycle", &["-version"]);
    let version = build["launcher"]["version"].as_str().unwrap_or_default();
    assert!(
        !version.is_empty() && said.stdout.starts_with(version),
        "{version} is not in {}",
        said.stdout
    );
}
