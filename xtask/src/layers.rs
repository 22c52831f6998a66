//! Which crate may depend on which: vocabulary <- nouns <- adapters and phases <- edge.
use crate::{process, workspace};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const SPEC: &[&str] = &[];
const NOUN: &[&str] = &[
    "wharf-spec",
    "wharf-env",
    "wharf-layer",
    "wharf-image",
    "wharf-buildpack",
    "wharf-cache",
];

/// A crate and the crates of ours it may depend on. Order is the direction: each names only earlier ones.
const LAYERS: &[(&str, &[&str])] = &[
    ("wharf-spec", SPEC),
    ("wharf-env", &["wharf-spec"]),
    ("wharf-layer", &["wharf-spec"]),
    ("wharf-image", &["wharf-spec", "wharf-layer"]),
    (
        "wharf-buildpack",
        &["wharf-spec", "wharf-env", "wharf-layer"],
    ),
    ("wharf-cache", &["wharf-spec", "wharf-layer", "wharf-image"]),
    (
        "wharf-registry",
        &["wharf-spec", "wharf-layer", "wharf-image"],
    ),
    (
        "wharf-harbor",
        &["wharf-spec", "wharf-image", "wharf-registry"],
    ),
    (
        "wharf-layout",
        &["wharf-spec", "wharf-layer", "wharf-image"],
    ),
    (
        "wharf-sandbox",
        &["wharf-spec", "wharf-layer", "wharf-image"],
    ),
    (
        "wharf-analyze",
        &["wharf-spec", "wharf-layer", "wharf-image"],
    ),
    (
        "wharf-detect",
        &["wharf-spec", "wharf-env", "wharf-buildpack"],
    ),
    (
        "wharf-restore",
        &["wharf-spec", "wharf-layer", "wharf-image", "wharf-cache"],
    ),
    (
        "wharf-build",
        &["wharf-spec", "wharf-env", "wharf-layer", "wharf-buildpack"],
    ),
    (
        "wharf-export",
        &["wharf-spec", "wharf-layer", "wharf-image", "wharf-cache"],
    ),
    ("wharf-rebase", &["wharf-spec", "wharf-image"]),
    (
        "wharf-fleet",
        &["wharf-spec", "wharf-image", "wharf-rebase"],
    ),
    ("wharf-launch", &["wharf-spec", "wharf-env"]),
    (
        "wharf-lifecycle",
        &[
            "wharf-spec",
            "wharf-env",
            "wharf-layer",
            "wharf-image",
            "wharf-buildpack",
            "wharf-cache",
            "wharf-registry",
            "wharf-harbor",
            "wharf-layout",
            "wharf-analyze",
            "wharf-detect",
            "wharf-restore",
            "wharf-build",
            "wharf-export",
            "wharf-rebase",
        ],
    ),
    (
        "wharf-cli",
        &[
            "wharf-spec",
            "wharf-layer",
            "wharf-image",
            "wharf-registry",
            "wharf-harbor",
            "wharf-layout",
            "wharf-sandbox",
            "wharf-rebase",
            "wharf-fleet",
            "wharf-lifecycle",
        ],
    ),
];

/// Everything the launcher links and its macros are made of; it ships in every app image.
const LAUNCHER: &[&str] = &[
    "wharf-launch",
    "wharf-spec",
    "wharf-env",
    "libc",
    "serde",
    "serde_core",
    "serde_derive",
    "thiserror",
    "thiserror-impl",
    "proc-macro2",
    "quote",
    "syn",
    "unicode-ident",
];

/// Compares `cargo metadata` with the tables.
pub(crate) fn run() -> Result<()> {
    let metadata = metadata()?;
    let packages = packages(&metadata)?;
    let mut faults = Vec::new();
    for (name, dependencies) in packages
        .iter()
        .filter(|(name, _)| name.starts_with("wharf-"))
    {
        if name == "wharf-testkit" {
            continue;
        }
        match LAYERS.iter().find(|(layer, _)| layer == name) {
            None => faults.push(format!("{name} is not in the table of xtask/src/layers.rs")),
            Some((_, allowed)) => {
                let ours = dependencies
                    .iter()
                    .filter(|dependency| dependency.starts_with("wharf-"));
                faults.extend(
                    ours.filter(|dependency| !allowed.contains(&dependency.as_str()))
                        .map(|dependency| format!("{name} must not depend on {dependency}")),
                );
            }
        }
    }
    faults.extend(network_below_edge(&packages));
    faults.extend(launcher_closure()?);
    if faults.is_empty() {
        Ok(())
    } else {
        bail!("{}", faults.join("\n"))
    }
}

/// No phase and no noun may hold an async runtime or an HTTP client.
fn network_below_edge(packages: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let hermetic = |name: &str| {
        NOUN.contains(&name)
            || name.starts_with("wharf-") && !["wharf-registry", "wharf-testkit"].contains(&name)
    };
    let network = ["reqwest", "hyper", "tokio", "rustls", "oci-client"];
    let pairs = packages.iter().filter(|(name, _)| hermetic(name));
    pairs
        .flat_map(|(name, dependencies)| {
            dependencies
                .iter()
                .map(move |dependency| (name, dependency))
        })
        .filter(|(_, dependency)| network.contains(&dependency.as_str()))
        .map(|(name, dependency)| {
            format!(
                "{name} must not depend on {dependency}: only wharf-registry talks to the network"
            )
        })
        .collect()
}

fn launcher_closure() -> Result<Vec<String>> {
    let args = [
        "tree",
        "--package",
        "wharf-launch",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let tree = process::capture(process::command("cargo", args).current_dir(workspace::root()))?;
    let linked: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    let allowed: BTreeSet<&str> = LAUNCHER.iter().copied().collect();
    let list = "allow-list of xtask/src/layers.rs";
    let new = linked.difference(&allowed);
    let gone = allowed.difference(&linked);
    Ok(new
        .map(|name| format!("the launcher must not link {name}: it is not in the {list}"))
        .chain(
            gone.map(|name| {
                format!("the launcher does not link {name}: take it out of the {list}")
            }),
        )
        .collect())
}

fn metadata() -> Result<Value> {
    let args = ["metadata", "--format-version", "1", "--no-deps"];
    let text = process::capture(process::command("cargo", args).current_dir(workspace::root()))?;
    serde_json::from_str(&text).context("parse cargo metadata")
}

/// Direct dependencies by package, development ones left out.
fn packages(metadata: &Value) -> Result<BTreeMap<String, Vec<String>>> {
    let list = metadata["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    Ok(list
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let normal = dependencies
                .iter()
                .filter(|dependency| dependency["kind"] != "dev");
            (name(package), normal.map(name).collect())
        })
        .collect())
}
