//! The static executables: compiled so that neither the place of the checkout nor the commit changes their code,
//! then stamped with the commit.
use super::stamp;
use crate::{process, workspace};
use anyhow::{Context, Result, ensure};
use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

/// Phases that are links to `lifecycle`.
pub(super) const PHASES: [&str; 8] = [
    "analyzer", "builder", "creator", "detector", "exporter", "extender", "rebaser", "restorer",
];

/// A source tree and where cargo compiles it.
#[derive(Debug)]
pub(super) struct Checkout {
    /// Top of the tree.
    pub(super) root: PathBuf,
    /// Cargo's target directory.
    pub(super) target: PathBuf,
}

impl Checkout {
    /// The one this task runs in.
    pub(super) fn here() -> Self {
        Self {
            root: workspace::root(),
            target: workspace::target(),
        }
    }

    /// Its commit in twelve digits; none outside of git.
    pub(super) fn commit(&self) -> Option<String> {
        let mut git = process::command("git", ["rev-parse", "HEAD"]);
        let commit = process::capture(git.current_dir(&self.root)).ok()?;
        Some(commit.trim().chars().take(12).collect())
    }
}

/// Where the executables of one `dist` are.
#[derive(Debug)]
pub(super) struct Executables {
    pub(super) lifecycle: PathBuf,
    pub(super) launcher: PathBuf,
    wharf: PathBuf,
    buildpack: PathBuf,
}

impl Executables {
    /// Their places below `dist`.
    pub(super) fn below(dist: &Path) -> Self {
        Self {
            lifecycle: dist.join("lifecycle/lifecycle"),
            launcher: dist.join("lifecycle/launcher"),
            wharf: dist.join("wharf"),
            buildpack: dist.join("fixture-buildpack-multi"),
        }
    }

    /// Compiles `checkout` into `dist`, with `commit` in those that tell their version.
    pub(super) fn make(checkout: &Checkout, commit: Option<&str>, dist: &Path) -> Result<Self> {
        let to = Self::below(dist);
        let target = target()?;
        compile(checkout, &target)?;
        let made = |profile: &str, name: &str| {
            let profile = checkout.target.join(&target).join(profile);
            profile.join(name)
        };
        let dir = dist.join("lifecycle");
        fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        install(&made("release", "lifecycle"), &to.lifecycle, commit)?;
        install(&made("launcher", "launcher"), &to.launcher, None)?;
        install(&made("release", "wharf"), &to.wharf, commit)?;
        let buildpack = made("release", "fixture-buildpack-multi");
        install(&buildpack, &to.buildpack, None)?;
        for phase in PHASES {
            link("lifecycle", &dir.join(phase))?;
        }
        to.expect_version(commit.unwrap_or_default())?;
        Ok(to)
    }

    /// The stamp is what the executable says, or the compiler has read the room for it too early.
    fn expect_version(&self, commit: &str) -> Result<()> {
        let said = process::capture(Command::new(&self.lifecycle).arg("-version"))?;
        let expected = format!("{}+{commit}\n", env!("CARGO_PKG_VERSION"));
        ensure!(
            said == expected,
            "{} says it is version {said:?}, not {expected:?}",
            self.lifecycle.display()
        );
        Ok(())
    }
}

fn compile(checkout: &Checkout, target: &str) -> Result<()> {
    println!("dist: building lifecycle and wharf");
    process::run(&mut cargo(
        checkout,
        target,
        &[
            "--release",
            "-p=wharf-lifecycle",
            "-p=wharf-cli",
            "-p=fixture-buildpack-multi",
            "--bins",
        ],
    ))?;
    println!("dist: building launcher");
    process::run(&mut cargo(
        checkout,
        target,
        &["--profile=launcher", "-p=wharf-launch", "--bin=launcher"],
    ))
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

fn cargo(checkout: &Checkout, target: &str, args: &[&str]) -> Command {
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let remap = |path: &Path, to: &str| format!(" --remap-path-prefix={}={to}", path.display());
    let mut flags = String::from("-C target-feature=+crt-static");
    flags.push_str(&remap(&checkout.root, "/wharf"));
    flags.push_str(&remap(&checkout.target, "/wharf/target"));
    if let Ok(home) = home {
        flags.push_str(&remap(Path::new(&home), "/cargo"));
    }
    let mut command = process::command("cargo", ["build", "--quiet", "--target", target]);
    command
        .args(args)
        .current_dir(&checkout.root)
        .env("CARGO_TARGET_DIR", &checkout.target)
        .env("RUSTFLAGS", flags);
    command
}

fn install(from: &Path, to: &Path, commit: Option<&str>) -> Result<()> {
    let mut bytes = fs::read(from).with_context(|| format!("read {}", from.display()))?;
    if let Some(commit) = commit {
        stamp::write(&mut bytes, commit).with_context(|| format!("stamp {}", from.display()))?;
    }
    let temporary = to.with_extension("new");
    fs::write(&temporary, bytes).with_context(|| format!("write {}", temporary.display()))?;
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
