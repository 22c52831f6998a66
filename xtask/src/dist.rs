//! `cargo xtask dist`: what is shipped. The same source gives the same bytes.
use crate::{process, workspace};
use anyhow::{Context, Result};
use flate2::{Compression as GzipLevel, GzBuilder};
use serde_json::json;
use std::{
    fs::{self, File},
    io::{self, Write},
    num::NonZeroUsize,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    thread::available_parallelism,
};
use wharf_image::{DraftLayer, Family, ImageDraft, ImageStore, Platform};
use wharf_layer::{
    Compression, Encoder, LayerError,
    tar::{Entry, EntryKind, TarWriter},
};
use wharf_layout::LayoutStore;
use wharf_spec::{
    api::{BuildpackApi, PlatformApi},
    labels,
    reference::Reference,
};

/// Phases that are links to `lifecycle`.
const PHASES: [&str; 8] = [
    "analyzer", "builder", "creator", "detector", "exporter", "extender", "rebaser", "restorer",
];
const VERSION: &str = env!("CARGO_PKG_VERSION");
const CREATED: &str = "1980-01-01T00:00:01Z";

/// Builds everything below `target/dist` and returns that directory.
pub(crate) fn run() -> Result<PathBuf> {
    let dist = workspace::dist();
    let built = build()?;
    let lifecycle = dist.join("lifecycle");
    fs::create_dir_all(&lifecycle).with_context(|| format!("create {}", lifecycle.display()))?;
    for (from, to) in built {
        install(&from, &dist.join(to))?;
    }
    for phase in PHASES {
        link("lifecycle", &lifecycle.join(phase))?;
    }
    fs::write(dist.join("lifecycle.toml"), descriptor())?;
    tarball(&dist)?;
    image(&dist)?;
    Ok(dist)
}

/// Compiles the static executables; pairs of what cargo made and where it goes below `dist`.
fn build() -> Result<Vec<(PathBuf, &'static str)>> {
    let target = target()?;
    let release = [
        "build",
        "--release",
        "--quiet",
        "-p",
        "wharf-lifecycle",
        "-p",
        "wharf-cli",
        "-p",
        "fixture-buildpack-multi",
    ];
    println!("dist: building lifecycle and wharf");
    process::run(cargo(&release, &target)?.arg("--bins"))?;
    println!("dist: building launcher");
    process::run(&mut cargo(
        &[
            "build",
            "--profile",
            "launcher",
            "--quiet",
            "-p",
            "wharf-launch",
            "--bin",
            "launcher",
        ],
        &target,
    )?)?;
    let made =
        |profile: &str, name: &str| workspace::target().join(&target).join(profile).join(name);
    Ok(vec![
        (made("release", "lifecycle"), "lifecycle/lifecycle"),
        (made("launcher", "launcher"), "lifecycle/launcher"),
        (made("release", "wharf"), "wharf"),
        (
            made("release", "fixture-buildpack-multi"),
            "fixture-buildpack-multi",
        ),
    ])
}

/// The musl target when it is installed, else the machine's own; both link statically.
fn target() -> Result<String> {
    let version = process::capture(&mut process::command("rustc", ["-vV"]))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc -vV names no host")?;
    let musl = host.replace("-gnu", "-musl");
    let sysroot = process::capture(&mut process::command("rustc", ["--print", "sysroot"]))?;
    let installed = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(&musl)
        .is_dir();
    Ok(if installed { musl } else { host.to_owned() })
}

fn cargo(args: &[&str], target: &str) -> Result<Command> {
    let root = workspace::root();
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let mut flags = format!(
        "-C target-feature=+crt-static --remap-path-prefix={}=/wharf",
        root.display()
    );
    if let Ok(home) = home {
        flags.push_str(&format!(" --remap-path-prefix={home}=/cargo"));
    }
    let mut command = process::command("cargo", args);
    command
        .args(["--target", target])
        .current_dir(&root)
        .env("RUSTFLAGS", flags);
    if let Ok(commit) = process::capture(
        process::command("git", ["rev-parse", "--short=12", "HEAD"]).current_dir(&root),
    ) {
        command.env("WHARF_COMMIT", commit.trim());
    }
    Ok(command)
}

fn install(from: &Path, to: &Path) -> Result<()> {
    let temporary = to.with_extension("new");
    fs::copy(from, &temporary)
        .with_context(|| format!("copy {} to {}", from.display(), temporary.display()))?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o755))?;
    fs::rename(&temporary, to).with_context(|| format!("rename to {}", to.display()))
}

fn link(target: &str, at: &Path) -> Result<()> {
    match fs::remove_file(at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove {}", at.display()));
        }
        _ => {}
    }
    symlink(target, at).with_context(|| format!("link {}", at.display()))
}

/// `lifecycle.toml`, by which pack knows what it has (P-17).
fn descriptor() -> String {
    let list = |versions: Vec<&str>| {
        versions
            .iter()
            .map(|version| format!("\"{version}\""))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (buildpack, platform) = apis();
    format!(
        "[api]\n  platform = \"{}\"\n  buildpack = \"{}\"\n\n[apis]\n[apis.buildpack]\n  deprecated = []\n  supported = [{}]\n[apis.platform]\n  deprecated = []\n  supported = [{}]\n\n[lifecycle]\n  version = \"{VERSION}\"\n  sbom-formats = [\"application/vnd.cyclonedx+json\", \"application/spdx+json\", \"application/vnd.syft+json\"]\n",
        platform[0],
        buildpack[0],
        list(buildpack.clone()),
        list(platform.clone()),
    )
}

fn apis() -> (Vec<&'static str>, Vec<&'static str>) {
    (
        BuildpackApi::ALL
            .into_iter()
            .map(BuildpackApi::as_str)
            .collect(),
        PlatformApi::ALL
            .into_iter()
            .map(PlatformApi::as_str)
            .collect(),
    )
}

/// The tarball `pack builder create` takes as `[lifecycle] uri`.
fn tarball(dist: &Path) -> Result<()> {
    let path = dist.join(format!(
        "lifecycle-v{VERSION}-linux.{}.tgz",
        std::env::consts::ARCH
    ));
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    let gzip = GzBuilder::new().mtime(0).write(file, GzipLevel::best());
    let mut archive = TarWriter::new(gzip);
    append_file(
        &mut archive,
        &dist.join("lifecycle.toml"),
        "lifecycle.toml",
        0o644,
    )?;
    append_lifecycle(&mut archive, dist, "lifecycle")?;
    archive
        .finish()?
        .finish()?
        .flush()
        .with_context(|| format!("write {}", path.display()))
}

/// The lifecycle image (P-16) as an OCI layout.
fn image(dist: &Path) -> Result<()> {
    let layout = dist.join("lifecycle-image");
    if layout.exists() {
        fs::remove_dir_all(&layout).with_context(|| format!("remove {}", layout.display()))?;
    }
    let encoder = Encoder {
        workers: available_parallelism().unwrap_or(NonZeroUsize::MIN),
        temp_dir: dist.to_path_buf(),
        compression: Compression::Gzip,
    };
    let blob = encoder.encode_with(&mut |out: &mut dyn Write| {
        let mut archive = TarWriter::new(out);
        let written = append_directory(&mut archive, "/cnb")
            .and_then(|()| {
                append_file(
                    &mut archive,
                    &dist.join("lifecycle.toml"),
                    "/cnb/lifecycle.toml",
                    0o644,
                )
            })
            .and_then(|()| append_lifecycle(&mut archive, dist, "/cnb/lifecycle"));
        written
            .and_then(|()| archive.finish())
            .map(|_| ())
            .map_err(LayerError::Write)
    })?;
    let platform = Platform {
        os: "linux".into(),
        architecture: architecture().into(),
        variant: None,
    };
    let mut draft = ImageDraft::empty(&platform, Family::Oci, CREATED);
    draft.push_layer(DraftLayer::from_blob(
        blob,
        Family::Oci,
        Some("lifecycle".into()),
    ));
    let (buildpack, platform_apis) = apis();
    let apis = json!({
        "buildpack": { "deprecated": [], "supported": buildpack },
        "platform": { "deprecated": [], "supported": platform_apis },
    });
    let lifecycle = json!({ "lifecycle": { "version": VERSION, "api": { "buildpack": buildpack[0], "platform": platform_apis[0] }, "apis": apis } });
    draft.set_env("PATH", "/cnb/lifecycle");
    draft.set_label(labels::BUILDER_METADATA, &lifecycle.to_string());
    draft.set_label(labels::LIFECYCLE_APIS, &apis.to_string());
    draft.set_label(labels::LIFECYCLE_VERSION, VERSION);
    let name: Reference = format!("wharf/lifecycle:{VERSION}").parse()?;
    let store = LayoutStore::single(&layout);
    let sealed = draft.seal()?;
    for layer in &sealed.layers {
        store.put_layer(&name, layer)?;
    }
    store.put_image(&sealed, &[name])?;
    Ok(())
}

/// The architecture in OCI spelling.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn append_lifecycle<W: Write>(
    archive: &mut TarWriter<W>,
    dist: &Path,
    root: &str,
) -> io::Result<()> {
    append_directory(archive, root)?;
    for name in ["launcher", "lifecycle"] {
        append_file(
            archive,
            &dist.join("lifecycle").join(name),
            &format!("{root}/{name}"),
            0o755,
        )?;
    }
    for phase in PHASES {
        let kind = EntryKind::Symlink {
            target: b"lifecycle".to_vec(),
        };
        archive.append(
            &entry(&format!("{root}/{phase}"), kind, 0o777),
            &mut io::empty(),
        )?;
    }
    Ok(())
}

fn append_directory<W: Write>(archive: &mut TarWriter<W>, name: &str) -> io::Result<()> {
    archive.append(&entry(name, EntryKind::Directory, 0o755), &mut io::empty())
}

fn append_file<W: Write>(
    archive: &mut TarWriter<W>,
    path: &Path,
    name: &str,
    mode: u32,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    let kind = EntryKind::File {
        size: file.metadata()?.len(),
    };
    archive.append(&entry(name, kind, mode), &mut file)
}

fn entry(name: &str, kind: EntryKind, mode: u32) -> Entry {
    Entry {
        name: name.as_bytes().to_vec(),
        kind,
        mode,
        uid: 0,
        gid: 0,
    }
}
