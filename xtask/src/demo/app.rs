//! One app of the demo: its phases in containers, its image read back and started.
use super::{
    registry::DemoRegistry,
    step,
    table::{Row, Table, bytes},
};
use crate::{
    bases::Bases,
    container::{Container, Mount, Runtime},
    packages, process, workspace,
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

const UID: u32 = 1000;
const CREDENTIALS: &str = "/run/credentials";
/// The certificates this machine trusts, so that builds trust them too.
pub(crate) const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A fixture app and the line the demo changes.
#[derive(Debug)]
pub(crate) struct App {
    pub name: &'static str,
    /// Port it listens on.
    pub port: u16,
    /// File with the line.
    pub file: &'static str,
    /// Text of the page.
    pub greeting: &'static str,
    /// Text after the change.
    pub changed_greeting: &'static str,
}

impl App {
    /// Flask with wheels from a lock file.
    pub(crate) fn flask() -> Self {
        Self {
            name: "flask",
            port: 18_181,
            file: "app.py",
            greeting: "version one",
            changed_greeting: "version two",
        }
    }

    /// Node.js with hundreds of packages.
    pub(crate) fn nodejs() -> Self {
        Self {
            name: "nodejs",
            port: 18_182,
            file: "server.js",
            greeting: "version one",
            changed_greeting: "version two",
        }
    }

    /// The source, which no build changes.
    pub(crate) fn fixture(&self) -> PathBuf {
        workspace::root().join("fixtures/apps").join(self.name)
    }
}

/// An image in the registry.
#[derive(Debug)]
pub(crate) struct Built {
    pub reference: String,
    pub digest: String,
}

/// What every build needs.
#[derive(Debug)]
pub(crate) struct Build {
    pub registry: DemoRegistry,
    /// Root file system of the builder image.
    pub builder: PathBuf,
    pub runtime: Runtime,
    pub work: PathBuf,
}

impl Build {
    /// Starts the registry, and makes run image and builder in it.
    pub(crate) fn prepare(work: &Path, dist: &Path, bases: Bases) -> Result<Self> {
        let registry = step("registry", || DemoRegistry::start(work, bases))?;
        step("run image", || registry.set_run_image("run"))?;
        let builder = step("builder", || registry.create_builder(dist))?;
        Ok(Self {
            registry,
            builder,
            runtime: Runtime::new(work.join("runc"))?,
            work: work.to_path_buf(),
        })
    }

    /// A fresh copy of the app's source.
    pub(crate) fn source(&self, app: &App) -> Result<PathBuf> {
        self.registry.set_run_image("run")?;
        let dir = self.work.join("apps").join(app.name);
        fresh(&dir)?;
        process::run(
            process::command("cp", ["-R"])
                .arg(app.fixture().join("."))
                .arg(&dir),
        )?;
        Ok(dir)
    }

    /// Analyze, detect, restore, build, export, each in a container of its own that shares volumes only.
    pub(crate) fn phases(
        &self,
        app: &App,
        source: &Path,
        build: &'static str,
        table: &mut Table,
    ) -> Result<Built> {
        let image = self.registry.image(app.name);
        let before = self.registry.layers(&image).unwrap_or_default();
        let volumes = self.volumes(app, source)?;
        let run_image = format!("-run-image={}", self.registry.image("run"));
        let plan: [(&'static str, Vec<&str>); 5] = [
            ("analyzer", vec![&run_image, &image]),
            ("detector", vec!["-app=/workspace", "-platform=/platform"]),
            ("restorer", vec!["-cache-dir=/cache"]),
            ("builder", vec!["-app=/workspace", "-platform=/platform"]),
            (
                "exporter",
                vec![
                    "-app=/workspace",
                    "-cache-dir=/cache",
                    "-report=/layers/report.toml",
                    &image,
                ],
            ),
        ];
        for (phase, args) in plan {
            let begin = Instant::now();
            let mut words = vec![
                format!("/cnb/lifecycle/{phase}"),
                "-layers=/layers".into(),
                "-no-color".into(),
            ];
            words.extend(args.into_iter().map(str::to_owned));
            self.runtime.run(&self.phase(
                &format!("{}-{build}", app.name),
                phase,
                words,
                &volumes,
            ))?;
            let note = if phase == "exporter" {
                reuse(&before, &self.registry.layers(&image)?)
            } else {
                String::new()
            };
            table.add(Row {
                app: app.name,
                build,
                phase,
                time: begin.elapsed(),
                note,
            });
        }
        let report = fs::read_to_string(self.volume(app, "layers").join("report.toml"))
            .context("read report.toml")?;
        Ok(Built {
            reference: image,
            digest: digest_in(&report)?,
        })
    }

    /// Rebases in place onto the patched run image, which was pushed under the same tag.
    pub(crate) fn rebase(&self, app: &App, table: &mut Table) -> Result<Built> {
        self.registry.set_run_image("run-patched")?;
        let image = self.registry.image(app.name);
        let before = self.registry.layers(&image)?;
        let begin = Instant::now();
        let volumes = self.volumes(app, &self.work.join("apps").join(app.name))?;
        let words = [
            "/cnb/lifecycle/rebaser",
            "-no-color",
            "-report=/layers/report.toml",
            &image,
        ]
        .map(str::to_owned)
        .to_vec();
        self.runtime.run(&self.phase(
            &format!("{}-rebase", app.name),
            "rebaser",
            words,
            &volumes,
        ))?;
        table.add(Row {
            app: app.name,
            build: "patched",
            phase: "rebaser",
            time: begin.elapsed(),
            note: reuse(&before, &self.registry.layers(&image)?),
        });
        Ok(Built {
            digest: self.registry.digest(&image)?,
            reference: image,
        })
    }

    /// Starts the image as its own user and fetches its page.
    pub(crate) fn start(&self, app: &App, built: &Built, expected: &str) -> Result<()> {
        let digest = self.registry.digest(&built.reference)?;
        ensure!(
            digest == built.digest,
            "the tag holds {digest} but the report says {}",
            built.digest
        );
        let rootfs = self
            .registry
            .unpack(&built.reference, &format!("app-{}", app.name))?;
        let config = self.registry.config(&built.reference)?;
        let words = |key: &str| -> Vec<String> {
            let list = config["config"][key]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            list.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let mut env = words("Env");
        env.push(format!("PORT={}", app.port));
        let container = Container {
            name: format!("{}-web", app.name),
            rootfs,
            args: words("Entrypoint"),
            env,
            cwd: config["config"]["WorkingDir"]
                .as_str()
                .unwrap_or("/")
                .to_owned(),
            uid: UID,
            gid: UID,
            mounts: Vec::new(),
        };
        let mut running = self.runtime.start(&container)?;
        for _ in 0..150 {
            running.check()?;
            match fetch(app.port) {
                Ok(page) if page.contains(expected) => {
                    println!(
                        "    GET / says: {}",
                        page.lines()
                            .find(|line| line.contains(expected))
                            .unwrap_or(expected)
                            .trim()
                    );
                    return Ok(());
                }
                Ok(page) if !page.is_empty() => {
                    bail!("the page does not contain '{expected}':\n{page}")
                }
                _ => thread::sleep(Duration::from_millis(100)),
            }
        }
        bail!(
            "no answer on port {} after 15 s; log: {}",
            app.port,
            self.runtime.log(&container.name).display()
        )
    }

    /// The version of a Debian package in the image that was unpacked last.
    pub(crate) fn package_version(&self, built: &Built, package: &str) -> Result<String> {
        let name = built
            .reference
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .split(':')
            .next()
            .unwrap_or_default();
        let rootfs = self
            .registry
            .unpack(&built.reference, &format!("app-{name}"))?;
        let status = fs::read_to_string(rootfs.join("var/lib/dpkg/status"))
            .context("read dpkg's status of the image")?;
        let paragraph = status.split("\n\n").find(|text| {
            text.lines()
                .any(|line| line == format!("Package: {package}"))
        });
        let version =
            paragraph.and_then(|text| text.lines().find_map(|line| line.strip_prefix("Version: ")));
        Ok(version
            .with_context(|| format!("{package} is not in the image"))?
            .to_owned())
    }

    fn phase(&self, build: &str, phase: &str, args: Vec<String>, volumes: &[Mount]) -> Container {
        let touches_images = !["detector", "builder"].contains(&phase);
        let mut mounts = volumes.to_vec();
        mounts.extend(
            ["/etc/resolv.conf", "/etc/hosts", CERTIFICATES]
                .map(|file| read_only(Path::new(file), file)),
        );
        let mut env = vec![
            "CNB_PLATFORM_API=0.15".to_owned(),
            "PATH=/cnb/lifecycle:/usr/local/bin:/usr/bin:/bin".to_owned(),
            "HOME=/tmp".to_owned(),
        ];
        if touches_images {
            mounts.push(read_only(&self.registry.credentials(), CREDENTIALS));
            env.push(format!("DOCKER_CONFIG={CREDENTIALS}"));
        }
        Container {
            name: format!("{}-{phase}", build.replace(' ', "-")),
            rootfs: self.builder.clone(),
            args,
            env,
            cwd: "/".into(),
            uid: UID,
            gid: UID,
            mounts,
        }
    }

    fn volume(&self, app: &App, name: &str) -> PathBuf {
        self.work.join("volumes").join(app.name).join(name)
    }

    /// Volumes as a pod has them: layers and platform are new, the cache stays.
    fn volumes(&self, app: &App, source: &Path) -> Result<Vec<Mount>> {
        let (layers, platform, cache) = (
            self.volume(app, "layers"),
            self.volume(app, "platform"),
            self.volume(app, "cache"),
        );
        fresh(&layers)?;
        fresh(&platform)?;
        fs::create_dir_all(&cache)?;
        let env = platform.join("env");
        fs::create_dir_all(&env)?;
        for (name, value) in build_variables(CERTIFICATES) {
            fs::write(env.join(&name), value)
                .with_context(|| format!("write platform variable {name}"))?;
        }
        for dir in [layers.as_path(), &platform, &cache, source] {
            give_away(dir)?;
        }
        let writable = |source: &Path, target: &str| Mount {
            source: source.to_path_buf(),
            target: target.into(),
            writable: true,
        };
        Ok(vec![
            writable(&layers, "/layers"),
            writable(source, "/workspace"),
            writable(&cache, "/cache"),
            read_only(&platform, "/platform"),
        ])
    }
}

/// The digest of the image that a `report.toml` is about, found as platforms find it.
pub(crate) fn digest_in(report: &str) -> Result<String> {
    let line = report.lines().find(|line| line.contains("digest"));
    let digest = line.and_then(|line| line.split('"').nth(1));
    Ok(digest.context("report.toml names no digest")?.to_owned())
}

/// How this machine reaches its package registries, for the buildpacks; `certificates` is where they find the
/// authorities it trusts.
pub(crate) fn build_variables(certificates: &str) -> Vec<(String, String)> {
    let inherited = |name: &str| {
        let upper = name.to_ascii_uppercase();
        upper.starts_with("PIP_") || upper.starts_with("NPM_CONFIG_") || upper.ends_with("_PROXY")
    };
    let mut settings: Vec<_> = std::env::vars()
        .filter(|(name, _)| inherited(name))
        .collect();
    for (name, program, args) in [
        (
            "PIP_INDEX_URL",
            "pip",
            ["config", "get", "global.index-url"],
        ),
        ("NPM_CONFIG_REGISTRY", "npm", ["config", "get", "registry"]),
    ] {
        let known =
            packages::find(program).map(|_| process::capture(&mut process::command(program, args)));
        if let Some(Ok(value)) = known {
            settings.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    for name in ["PIP_CERT", "NPM_CONFIG_CAFILE", "NODE_EXTRA_CA_CERTS"] {
        settings.push((name.to_owned(), certificates.to_owned()));
    }
    settings
}

fn read_only(source: &Path, target: &str) -> Mount {
    Mount {
        source: source.to_path_buf(),
        target: target.to_owned(),
        writable: false,
    }
}

/// An empty directory, whatever was there.
pub(crate) fn fresh(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))
}

/// Volumes belong to the build user; without root the caller is mapped to it.
fn give_away(dir: &Path) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    process::run(process::command("chown", ["-R", &format!("{UID}:{UID}")]).arg(dir))
}

/// Layers that were there before, and what is new.
fn reuse(before: &[(String, u64)], after: &[(String, u64)]) -> String {
    let known: BTreeSet<&str> = before.iter().map(|(digest, _)| digest.as_str()).collect();
    let (old, new): (Vec<_>, Vec<_>) = after
        .iter()
        .partition(|(digest, _)| known.contains(digest.as_str()));
    let sum = |layers: &[&(String, u64)]| bytes(layers.iter().map(|(_, size)| size).sum());
    format!(
        "{} new ({}), {} reused ({})",
        new.len(),
        sum(&new),
        old.len(),
        sum(&old)
    )
}

fn fetch(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}
