//! `cargo xtask pods`: the Pods of docs/examples build what the demo builds, to the same digest.
use super::{
    app::{self, App, Build, CERTIFICATES},
    step,
    table::Table,
};
use crate::{
    bases, dist, packages,
    podman::{Played, Pod, Podman},
    workspace,
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// Where the manifests mount authorities.
const MOUNTED_CERTIFICATES: &str = "/certificates/ca-certificates.crt";

/// What a step says of itself in place of its phase; on one line, since podman writes manifests anew before it reads
/// them, and gets text of several lines wrong.
const PROBE: &str = concat!(
    "echo \"user $(id -u):$(id -g)\"; ",
    "grep -E '^(CapEff|CapBnd|NoNewPrivs):' /proc/self/status | tr '\\t' ' '; ",
    "if touch /probe 2>/dev/null; then echo 'root is writable'; else echo 'root is read-only'; fi; ",
    "if env | grep -q -e ^DOCKER_CONFIG= -e ^CNB_REGISTRY_AUTH=; then echo 'names credentials'; fi; ",
    "if grep -qrs auths /credentials /layers /workspace /platform /cache /tmp /root /home; ",
    "then echo 'has credentials'; fi",
);

/// The phases by the names of their steps, and whether they touch images.
const STEPS: [(&str, &str, bool); 5] = [
    ("analyze", "analyzer", true),
    ("detect", "detector", false),
    ("restore", "restorer", true),
    ("build", "builder", false),
    ("export", "exporter", true),
];

/// A manifest of docs/examples.
#[derive(Debug)]
struct Example {
    file: &'static str,
    /// Name of the Pod in it.
    pod: &'static str,
    /// The image it builds; nobody else does, so nothing is reused.
    image: &'static str,
    /// Whether steps that touch images start as root, with four capabilities.
    as_root: bool,
}

const EXAMPLES: [Example; 2] = [
    Example {
        file: "pod.yaml",
        pod: "wharf-build",
        image: "flask-pod",
        as_root: false,
    },
    Example {
        file: "pod-as-root.yaml",
        pod: "wharf-build-as-root",
        image: "flask-pod-as-root",
        as_root: true,
    },
];

/// Makes the executables, then [`check`].
pub(crate) fn run() -> Result<()> {
    step("packages", packages::ensure)?;
    check(&step("executables", dist::run)?)
}

/// Builds the Flask app as the demo does and as each Pod; all digests must be equal.
pub(crate) fn check(dist: &Path) -> Result<()> {
    let begin = Instant::now();
    let work = workspace::demo().join("pods");
    // Images of an earlier run would be reused, and then nothing would be built.
    app::fresh(&work.join("registry"))?;
    app::fresh(&work.join("volumes"))?;
    let bases = step("base images", || {
        bases::ensure(&workspace::demo().join("bases"))
    })?;
    let build = Build::prepare(&work, dist, bases)?;
    let flask = App::flask();
    let source = build.source(&flask)?;
    let mut table = Table::default();
    let expected = step("flask: as the demo builds it", || {
        build.phases(&flask, &source, "first", &mut table)
    })?;
    println!("    {}", expected.digest);
    let player = step("pods: pull the builder", || Player::new(&build))?;
    for example in &EXAMPLES {
        step(&format!("{}: what its steps may do", example.file), || {
            player.probe(example)
        })?;
        let digest = step(&format!("{}: build", example.file), || {
            player.build(example, &flask)
        })?;
        println!("    {digest}");
        ensure!(
            digest == expected.digest,
            "{} built {digest}, but the demo's way gives {}",
            example.file,
            expected.digest
        );
    }
    println!(
        "pods: all images are equal after {:.0} s; logs in {}",
        begin.elapsed().as_secs_f64(),
        work.join("podman/logs").display()
    );
    Ok(())
}

/// Plays examples with what they need around them.
#[derive(Debug)]
struct Player<'a> {
    build: &'a Build,
    podman: Podman,
    config_maps: Vec<PathBuf>,
}

impl<'a> Player<'a> {
    fn new(build: &'a Build) -> Result<Self> {
        let podman = Podman::new(build.work.join("podman"))?;
        let account = build.registry.credentials().join("config.json");
        podman.pull(&build.registry.image("builder"), &account)?;
        let account = fs::read_to_string(account).context("read the demo's credentials")?;
        podman.create_secret("registry-credentials", "config.json", &account)?;
        let authorities =
            fs::read_to_string(CERTIFICATES).with_context(|| format!("read {CERTIFICATES}"))?;
        let config_maps = vec![
            podman.config_map("platform-env", app::build_variables(MOUNTED_CERTIFICATES))?,
            podman.config_map(
                "certificates",
                vec![("ca-certificates.crt".into(), authorities)],
            )?,
        ];
        Ok(Self {
            build,
            podman,
            config_maps,
        })
    }

    /// Plays the manifest as it is and returns the digest its report names, which the registry must confirm.
    fn build(&self, example: &Example, app: &App) -> Result<String> {
        let played = self.play(example, "build", &self.manifest(example, app)?)?;
        let digest = app::digest_in(&played.said("report")?)?;
        let image = self.build.registry.image(example.image);
        let pushed = self.build.registry.digest(&image)?;
        ensure!(
            pushed == digest,
            "the registry has {pushed} as {image} but the report says {digest}"
        );
        Ok(digest)
    }

    /// Plays the manifest with each phase replaced by a look around.
    fn probe(&self, example: &Example) -> Result<()> {
        let mut manifest = self.manifest(example, &App::flask())?;
        for (_, phase, _) in STEPS {
            let command = |words: &[&str]| {
                serde_json::to_string(words).map(|words| format!("command: {words}"))
            };
            let own = command(&[&format!("/cnb/lifecycle/{phase}")])?;
            ensure!(
                manifest.contains(&own),
                "{} has no step with {own}",
                example.file
            );
            manifest = manifest.replace(&own, &command(&["/bin/sh", "-c", PROBE, phase])?);
        }
        let report = "command: [\"/bin/cat\"]";
        ensure!(
            manifest.contains(report),
            "{} has no step with {report}",
            example.file
        );
        let manifest = manifest.replace(report, "command: [\"/bin/true\"]");
        let played = self.play(example, "probe", &manifest)?;
        for (name, _, touches_images) in STEPS {
            let (said, expected) = (played.said(name)?, example.may(touches_images));
            ensure!(
                said == expected,
                "step '{name}' of {} sees\n{said}but should see\n{expected}",
                example.file
            );
        }
        Ok(())
    }

    fn play(&self, example: &Example, what: &str, manifest: &str) -> Result<Played> {
        let pod = Pod {
            run: &format!("{}-{what}", example.pod),
            name: example.pod,
            last: "report",
            manifest,
        };
        self.podman.play(&pod, &self.config_maps)
    }

    /// The manifest with its placeholders filled in.
    fn manifest(&self, example: &Example, app: &App) -> Result<String> {
        let path = workspace::root().join("docs/examples").join(example.file);
        let mut text =
            fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        for (placeholder, value) in [
            ("${BUILDER_IMAGE}", self.build.registry.image("builder")),
            ("${APP_IMAGE}", self.build.registry.image(example.image)),
            ("${SOURCE_DIRECTORY}", app.fixture().display().to_string()),
        ] {
            text = text.replace(placeholder, &value);
        }
        Ok(text)
    }
}

impl Example {
    /// What a step says when it may do what it needs, and no more.
    fn may(&self, touches_images: bool) -> String {
        // CHOWN, DAC_OVERRIDE, SETGID and SETUID are bits 0, 1, 6 and 7.
        let (user, capabilities) = if self.as_root && touches_images {
            ("0:0", "00000000000000c3")
        } else {
            ("1000:1000", "0000000000000000")
        };
        let credentials = if touches_images {
            "names credentials\nhas credentials\n"
        } else {
            ""
        };
        format!(
            "user {user}\nCapEff: {capabilities}\nCapBnd: {capabilities}\nNoNewPrivs: 1\nroot is read-only\n{credentials}"
        )
    }
}
