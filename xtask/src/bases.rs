//! Debian base images: a build image, a run image, and a run image with one package patched.
use crate::{dist, process};
use anyhow::{Context, Result, anyhow};
use std::{
    fs::{self, File},
    io::{self, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    thread::{self, available_parallelism},
};
use wharf_image::{DraftLayer, Family, ImageDraft, ImageStore, Platform};
use wharf_layer::{Encoder, LayerError, Method};
use wharf_layout::LayoutStore;
use wharf_spec::{labels, reference::Reference};

/// The package that differs between run image and patched run image; small, and without dependants.
pub(crate) const PATCHED_PACKAGE: &str = "netbase";

/// The base images as tags of one OCI layout.
#[derive(Debug)]
pub(crate) struct Bases {
    /// Directory of the layout.
    pub layout: PathBuf,
    /// Keeps tarballs and logs.
    work: PathBuf,
}

const RUN_PACKAGES: &str = "python3,nodejs,netbase";
const BUILD_PACKAGES: &str = "python3,python3-venv,python3-pip,nodejs,npm,ca-certificates";

/// One of the images.
struct Base<'a> {
    tag: &'static str,
    packages: &'static str,
    /// A package file to install besides.
    extra: Option<&'a Path>,
}

/// Makes the build image and the run image if they are not there yet.
pub(crate) fn ensure(work: &Path) -> Result<Bases> {
    fs::create_dir_all(work).with_context(|| format!("create {}", work.display()))?;
    let bases = Bases {
        layout: work.join("bases"),
        work: work.to_path_buf(),
    };
    let base = |tag, packages| Base {
        tag,
        packages,
        extra: None,
    };
    bases.make(&[base("run", RUN_PACKAGES), base("build", BUILD_PACKAGES)])?;
    Ok(bases)
}

impl Bases {
    /// Makes the patched run image if it is not there yet.
    pub(crate) fn ensure_patched(&self) -> Result<()> {
        let tag = "run-patched";
        if self.done(tag).exists() {
            return Ok(());
        }
        self.make(&[Base {
            tag,
            packages: RUN_PACKAGES,
            extra: Some(&patched_package(&self.work)?),
        }])
    }

    /// Bootstraps what is missing side by side; the layout is written by one at a time.
    fn make(&self, bases: &[Base<'_>]) -> Result<()> {
        let suite = suite()?;
        thread::scope(|scope| {
            let mut running = Vec::new();
            for base in bases.iter().filter(|base| !self.done(base.tag).exists()) {
                println!("bases: {} (Debian {suite}: {})", base.tag, base.packages);
                let tar = self.work.join(format!("{}.tar", base.tag));
                let log = self.work.join(format!("{}.log", base.tag));
                let suite = &suite;
                running.push((
                    base.tag,
                    scope.spawn(move || bootstrap(tar, suite, base, &log)),
                ));
            }
            for (tag, bootstrapped) in running {
                let tar = bootstrapped
                    .join()
                    .map_err(|_| anyhow!("bootstrapping {tag} panicked"))??;
                write_image(&tar, &self.layout, tag)?;
                fs::remove_file(&tar).with_context(|| format!("remove {}", tar.display()))?;
                let done = self.done(tag);
                fs::write(&done, "").with_context(|| format!("write {}", done.display()))?;
            }
            Ok(())
        })
    }

    /// A file that says that the image is complete.
    fn done(&self, tag: &str) -> PathBuf {
        self.work.join(format!("{tag}.done"))
    }
}

/// The release of Debian this machine has, so that its own package configuration fits.
fn suite() -> Result<String> {
    let text = fs::read_to_string("/etc/os-release").context("read /etc/os-release")?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(name.unwrap_or("stable").trim_matches('"').to_owned())
}

/// A root file system as a tarball, with the user `cnb` (1000:1000).
fn bootstrap(tar: PathBuf, suite: &str, base: &Base<'_>, log: &Path) -> Result<PathBuf> {
    let user = "chroot \"$1\" useradd --uid 1000 --user-group --create-home --home-dir /home/cnb --shell /bin/sh cnb";
    let mut command = process::command(
        "mmdebstrap",
        [
            "--variant=minbase",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*",
        ],
    );
    command
        .arg(format!("--include={}", base.packages))
        .arg(format!("--customize-hook={user}"));
    if let Some(package) = base.extra {
        command.arg(format!(
            "--customize-hook=copy-in {} /tmp",
            package.display()
        ));
        command.arg("--customize-hook=chroot \"$1\" sh -c 'dpkg -i /tmp/*.deb && rm /tmp/*.deb'");
    }
    command
        .arg(suite)
        .arg(&tar)
        .env("SOURCE_DATE_EPOCH", "315532801");
    process::run_logged(&mut command, log)?;
    Ok(tar)
}

/// The distribution's own package with a higher version, as a security update would bring it.
fn patched_package(work: &Path) -> Result<PathBuf> {
    let dir = work.join("patched");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    fs::create_dir_all(&dir)?;
    let log = work.join("patched.log");
    process::run_logged(
        process::command("apt-get", ["download", PATCHED_PACKAGE]).current_dir(&dir),
        &log,
    )?;
    let original = fs::read_dir(&dir)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get download left no package")?;
    let tree = dir.join("tree");
    process::run_logged(
        process::command("dpkg-deb", ["-R"])
            .arg(&original)
            .arg(&tree),
        &log,
    )?;
    let control = tree.join("DEBIAN/control");
    let text = fs::read_to_string(&control).context("read control file of the package")?;
    let bump = |line: &str| {
        if line.starts_with("Version: ") {
            format!("{line}+security1\n")
        } else {
            format!("{line}\n")
        }
    };
    fs::write(&control, text.lines().map(bump).collect::<String>())?;
    let patched = dir.join("patched.deb");
    process::run_logged(
        process::command("dpkg-deb", ["--root-owner-group", "-b"])
            .arg(&tree)
            .arg(&patched),
        &log,
    )?;
    Ok(patched)
}

fn write_image(tar: &Path, layout: &Path, tag: &str) -> Result<()> {
    let workers = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let temp_dir = layout.parent().unwrap_or(layout);
    let encoder = Encoder::new(workers, temp_dir, Method::default());
    let blob = encoder.encode_with(&mut |out: &mut dyn Write| {
        let mut file = File::open(tar).map_err(|source| LayerError::Io {
            action: "open",
            path: tar.into(),
            source,
        })?;
        io::copy(&mut file, out)
            .map(|_| ())
            .map_err(LayerError::Write)
    })?;
    let platform = Platform {
        os: "linux".into(),
        architecture: dist::architecture().into(),
        variant: None,
    };
    let mut draft = ImageDraft::empty(&platform, Family::Oci, "1980-01-01T00:00:01Z");
    draft.push_layer(DraftLayer::from_blob(
        blob,
        Family::Oci,
        Some(format!("mmdebstrap {tag}")),
    ));
    draft.set_env(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    draft.set_env("CNB_USER_ID", "1000");
    draft.set_env("CNB_GROUP_ID", "1000");
    draft.set_user("1000:1000");
    for (label, value) in distro()? {
        draft.set_label(label, &value);
    }
    let name: Reference = format!("wharf/base:{tag}").parse()?;
    let store = LayoutStore::single(layout);
    let sealed = draft.seal()?;
    for layer in &sealed.layers {
        store.put_layer(&name, layer)?;
    }
    store.put_image(&sealed, &[name])?;
    Ok(())
}

/// Labels that say which distribution the image is.
fn distro() -> Result<Vec<(&'static str, String)>> {
    let text = fs::read_to_string("/etc/os-release").context("read /etc/os-release")?;
    let value = |key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    Ok(vec![
        (labels::BASE_ID, "wharf.base".to_owned()),
        (labels::DISTRO_NAME, value("ID")),
        (labels::DISTRO_VERSION, value("VERSION_ID")),
    ])
}
