//! Debian packages the tasks need.
use crate::process::{command, run};
use anyhow::{Result, bail};
use std::{env, path::PathBuf};

/// A program and the package that brings it.
struct Need {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

/// What compiling the executables takes.
const BUILD_NEEDS: &[Need] = &[
    Need {
        program: "cc",
        package: "build-essential",
        why: "linking, and the C parts of ring, libdeflate and zstd",
    },
    Need {
        program: "nasm",
        package: "nasm",
        why: "the assembler parts of ISA-L, which compresses layers",
    },
    Need {
        program: "autoreconf",
        package: "autoconf",
        why: "building ISA-L",
    },
    Need {
        program: "automake",
        package: "automake",
        why: "building ISA-L",
    },
    Need {
        program: "libtoolize",
        package: "libtool",
        why: "building ISA-L",
    },
];

/// What demo and tests take besides.
const NEEDS: &[Need] = &[
    Need {
        program: "docker-registry",
        package: "docker-registry",
        why: "the registry images are pushed to",
    },
    Need {
        program: "curl",
        package: "curl",
        why: "the example that sets up a tenant in Harbor",
    },
    Need {
        program: "skopeo",
        package: "skopeo",
        why: "an independent reader of images",
    },
    Need {
        program: "umoci",
        package: "umoci",
        why: "an independent unpacker of images",
    },
    Need {
        program: "runc",
        package: "runc",
        why: "the runtime that starts containers",
    },
    Need {
        program: "podman",
        package: "podman",
        why: "running Pod manifests",
    },
    Need {
        program: "catatonit",
        package: "catatonit",
        why: "podman's container that holds a Pod together",
    },
    Need {
        program: "mmdebstrap",
        package: "mmdebstrap",
        why: "Debian base images",
    },
    Need {
        program: "bwrap",
        package: "bubblewrap",
        why: "standard directories for black-box tests",
    },
    Need {
        program: "busybox",
        package: "busybox-static",
        why: "tiny root file systems for tests",
    },
    Need {
        program: "python3",
        package: "python3",
        why: "the Flask buildpack's own tests",
    },
    Need {
        program: "newuidmap",
        package: "uidmap",
        why: "user namespaces with more than one user",
    },
    Need {
        program: "setpriv",
        package: "util-linux",
        why: "running phases as an ordinary user",
    },
    Need {
        program: "zstd",
        package: "zstd",
        why: "an independent reader of zstd layers",
    },
    Need {
        program: "git",
        package: "git",
        why: "the version in dist",
    },
];

/// What only the bench needs.
const BENCH_NEEDS: &[Need] = &[
    Need {
        program: "pip",
        package: "python3-pip",
        why: "corpora of Python packages",
    },
    Need {
        program: "npm",
        package: "npm",
        why: "a corpus of Node.js packages",
    },
    Need {
        program: "bsdtar",
        package: "libarchive-tools",
        why: "a second tar to compare with",
    },
];

/// Makes sure every needed program is there: installs when root, else says what is missing.
pub(crate) fn ensure() -> Result<()> {
    ensure_all(BUILD_NEEDS.iter().chain(NEEDS).collect())
}

/// The same for tasks that do no more than compile.
pub(crate) fn ensure_for_build() -> Result<()> {
    ensure_all(BUILD_NEEDS.iter().collect())
}

/// The same with what the bench needs besides.
pub(crate) fn ensure_for_bench() -> Result<()> {
    let needs = BUILD_NEEDS.iter().chain(NEEDS).chain(BENCH_NEEDS);
    ensure_all(needs.collect())
}

fn ensure_all(needs: Vec<&Need>) -> Result<()> {
    let is_missing = |need: &&Need| find(need.program).is_none();
    let missing: Vec<&Need> = needs.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !nix::unistd::geteuid().is_root() {
        let list = missing
            .iter()
            .map(|need| format!("  {:16} {}", need.package, need.why));
        bail!(
            "these Debian packages are missing:\n{}\ninstall them as root: apt-get install --no-install-recommends {}",
            list.collect::<Vec<_>>().join("\n"),
            names.join(" ")
        );
    }
    println!("installing {}", names.join(" "));
    apt(&["update", "-qq"])?;
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(names);
    apt(&args)?;
    match missing.iter().find(|need| find(need.program).is_none()) {
        Some(need) => bail!(
            "package {} is installed but there is no program '{}' on PATH",
            need.package,
            need.program
        ),
        None => Ok(()),
    }
}

/// Where a program is, on PATH and in the places of system programs.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(system)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

fn apt(args: &[&str]) -> Result<()> {
    run(command("apt-get", args).env("DEBIAN_FRONTEND", "noninteractive"))
}
