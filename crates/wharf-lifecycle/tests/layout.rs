//! Whole builds by the creator into OCI layouts: no network, no matter who runs the test.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]
mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use support::{Outcome, command, finish};
use tempfile::TempDir;
use wharf_layout::LayoutStore;
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

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
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
        place.write("run.toml", "[[images]]\nimage = \"run.local/base\"\n");
        let descriptor = "api = \"0.10\"\n[buildpack]\nid = \"a/b\"\nversion = \"1\"\n[[targets]]\nos = \"linux\"\n";
        place.write("buildpacks/a_b/1/buildpack.toml", descriptor);
        place.script("detect", "#!/bin/sh\n");
        place.script("build", BUILD);
        let store = LayoutStore::new(place.path("layout"));
        ImageRecipe::new()
            .layer(&[("etc/base", b"base", 0o644)])
            .push(&store, &[&"run.local/base".parse().unwrap()]);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn script(&self, name: &str, text: &str) {
        let name = format!("buildpacks/a_b/1/bin/{name}");
        self.write(&name, text);
        fs::set_permissions(self.path(&name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn creator(&self, more: &[&str]) -> Command {
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
            flag("layout-dir", "layout"),
            "-layout".to_owned(),
        ];
        let mut arguments: Vec<&str> = flags.iter().map(String::as_str).chain(IDS).collect();
        arguments.extend(more);
        arguments.push("app/built");
        let temporary = self.path("temporary");
        command(
            "creator",
            &arguments,
            &[
                ("CNB_PLATFORM_API", "0.12"),
                ("CNB_EXPERIMENTAL_MODE", "quiet"),
                ("PATH", "/usr/bin:/bin"),
                ("TMPDIR", temporary.to_str().unwrap()),
            ],
        )
    }

    fn create(&self, more: &[&str]) -> Outcome {
        finish(self.creator(more))
    }
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

fn succeeds(outcome: &Outcome) {
    assert_eq!(
        (outcome.status, outcome.stderr.as_str()),
        (Some(0), ""),
        "{}",
        outcome.stdout
    );
}

#[test]
fn the_creator_leaves_an_image_a_report_and_every_handoff_file() {
    let place = Place::new();
    succeeds(&place.create(&[]));
    for name in [
        "analyzed.toml",
        "group.toml",
        "plan.toml",
        "config/metadata.toml",
        "report.toml",
    ] {
        let file = fs::metadata(place.path("layers").join(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o7777, 0o644, "{name}");
    }
    let report = place.read("layers/report.toml");
    let digests: Vec<&str> = report
        .lines()
        .filter(|line| line.contains("digest"))
        .collect();
    assert_eq!(digests.len(), 1, "{report}");
    assert_eq!(
        digests[0].split('"').nth(1).unwrap().len(),
        "sha256:".len() + 64
    );
    let metadata: toml::Table = place.read("layers/config/metadata.toml").parse().unwrap();
    assert_eq!(
        metadata["buildpack-default-process-type"].as_str(),
        Some("web")
    );
    assert!(
        place
            .path("layout/index.docker.io/app/built/latest/index.json")
            .is_file()
    );
}

#[test]
fn a_second_build_reuses_everything_and_has_the_same_digest() {
    let place = Place::new();
    succeeds(&place.create(&[]));
    let first = place.read("layers/report.toml");
    let second = place.create(&["-no-color"]);
    succeeds(&second);
    assert_eq!(place.read("layers/report.toml"), first);
    assert!(
        second
            .stdout
            .contains("Restoring data for \"a/b:tool\" from cache"),
        "{}",
        second.stdout
    );
    assert!(
        second.stdout.contains("Reusing layer 'a/b:tool'"),
        "{}",
        second.stdout
    );
    assert!(!second.stdout.contains("Adding layer"), "{}", second.stdout);
}

#[test]
fn side_by_side_with_the_cache_the_image_is_the_same() {
    let place = Place::new();
    let results = || {
        [
            place.read("cache/committed/io.buildpacks.lifecycle.cache.metadata"),
            place.read("layers/report.toml"),
        ]
    };
    succeeds(&place.create(&[]));
    let one_by_one = results();
    for name in ["cache", "layers", "layout/index.docker.io"] {
        fs::remove_dir_all(place.path(name)).unwrap();
    }
    fs::create_dir(place.path("layers")).unwrap();
    fs::create_dir(place.path("cache")).unwrap();
    succeeds(&place.create(&["-parallel"]));
    assert_eq!(results(), one_by_one);
}

#[test]
fn buildpack_output_keeps_its_percent_signs_and_loses_colour_only_when_asked() {
    let place = Place::new();
    let coloured = place.create(&[]);
    assert!(
        coloured.stdout.contains("\u{1b}[32mgreen\u{1b}[0m 100%\n"),
        "{}",
        coloured.stdout
    );
    assert!(
        coloured
            .stdout
            .contains("\u{1b}[36m===> BUILDING\u{1b}[0m\n")
    );
    let plain = place.create(&["-no-color"]);
    assert!(plain.stdout.contains("green 100%\n"));
    assert!(!plain.stdout.contains('\u{1b}'), "{}", plain.stdout);
}

#[test]
fn failures_of_buildpacks_have_their_status_and_leave_no_image() {
    let cases = [
        (
            "detect",
            "exit 100",
            20,
            "No buildpack groups passed detection.",
        ),
        ("detect", "echo reason; exit 1", 21, "reason"),
        ("build", "echo reason >&2; exit 7", 51, "reason"),
        (
            "build",
            "echo '[[processes]' > $CNB_LAYERS_DIR/launch.toml",
            52,
            "launch.toml': TOML parse error at line 1",
        ),
    ];
    for (program, script, status, words) in cases {
        let place = Place::new();
        place.script(program, &format!("#!/bin/sh\n{script}\n"));
        let outcome = place.create(&[]);
        assert_eq!(outcome.status, Some(status), "{}", outcome.stdout);
        assert!(outcome.stdout.contains(words), "{}", outcome.stdout);
        assert!(!place.path("layout/index.docker.io/app").exists());
        assert!(!place.path("layers/report.toml").exists());
    }
}

#[test]
fn a_signal_ends_the_buildpack_and_leaves_no_temporary_file() {
    let place = Place::new();
    place.script("build", "#!/bin/sh\necho process $$\nexec sleep 1000\n");
    let mut child = place.creator(&[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let buildpack: u32 = lines
        .find_map(|line| line.unwrap().strip_prefix("process ")?.parse().ok())
        .expect("the buildpack has started");
    let signal = nix::sys::signal::Signal::SIGTERM;
    let process = |id: u32| nix::unistd::Pid::from_raw(id.try_into().unwrap());
    nix::sys::signal::kill(process(child.id()), signal).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let buildpack = process(buildpack);
    assert_eq!(
        nix::sys::signal::kill(buildpack, None),
        Err(nix::errno::Errno::ESRCH)
    );
    assert_eq!(fs::read_dir(place.path("temporary")).unwrap().count(), 0);
}
