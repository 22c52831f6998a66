//! The planted faults.
mod building;
mod exporting;
mod others;
mod preparing;

use super::{
    Call,
    files::{below, ends, in_front_of_builds, inner, toml},
    image::{headers, spoil},
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A fault and where it sits.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// What is wrong, in words.
    pub name: &'static str,
    /// Executables that have it.
    pub phases: &'static [&'static str],
    /// Whether `after` changes a launcher's exit status, so that it must not be replaced by what it launches.
    pub(super) spoils_exit: bool,
    /// What is spoiled before the real executable runs.
    pub(super) before: fn(&mut Call),
    /// What is spoiled afterwards.
    pub(super) after: fn(&mut Call),
}

/// A fault that spoils what goes in.
const fn before(
    name: &'static str,
    phases: &'static [&'static str],
    before: fn(&mut Call),
) -> Fault {
    Fault {
        name,
        phases,
        spoils_exit: false,
        before,
        after: |_| {},
    }
}

/// A fault that spoils what comes out.
const fn after(name: &'static str, phases: &'static [&'static str], after: fn(&mut Call)) -> Fault {
    Fault {
        name,
        phases,
        spoils_exit: true,
        before: |_| {},
        after,
    }
}

const ANALYZER: &[&str] = &["analyzer"];
const DETECTOR: &[&str] = &["detector"];
const RESTORER: &[&str] = &["restorer"];
const BUILDER: &[&str] = &["builder"];
const EXPORTER: &[&str] = &["exporter", "creator"];
const CREATOR: &[&str] = &["creator"];
const REBASER: &[&str] = &["rebaser"];
const LAUNCHER: &[&str] = &["launcher"];

/// Every fault, by phase.
pub fn all() -> Vec<Fault> {
    [
        preparing::ANALYSIS,
        preparing::DETECTION,
        preparing::RESTORING,
        building::BUILDING,
        exporting::EXPORT_FILES,
        exporting::EXPORT_IMAGE,
        others::CREATING,
        others::REBASING,
        others::LAUNCHING,
    ]
    .concat()
}

pub(super) fn analyzed(call: &Call) -> PathBuf {
    file(call, "analyzed", "CNB_ANALYZED_PATH", "analyzed.toml")
}

pub(super) fn group(call: &Call) -> PathBuf {
    file(call, "group", "CNB_GROUP_PATH", "group.toml")
}

pub(super) fn plan(call: &Call) -> PathBuf {
    file(call, "plan", "CNB_PLAN_PATH", "plan.toml")
}

pub(super) fn report(call: &Call) -> PathBuf {
    file(call, "report", "CNB_REPORT_PATH", "report.toml")
}

pub(super) fn metadata(call: &Call) -> PathBuf {
    call.layers("config/metadata.toml")
}

pub(super) fn buildpacks(call: &Call) -> PathBuf {
    call.value("buildpacks", "CNB_BUILDPACKS_DIR", "/cnb/buildpacks")
}

pub(super) fn file(call: &Call, flag: &str, variable: &str, name: &str) -> PathBuf {
    let default = call.layers(name);
    call.value(flag, variable, &default.to_string_lossy())
}

pub(super) fn images(call: &Call) -> Vec<String> {
    let words = call.args.iter().filter(|word| !word.starts_with('-'));
    words.cloned().collect()
}

pub(super) fn layer_files(call: &Call, end: &str) -> Vec<PathBuf> {
    let root = call.layers("");
    below(&root, &|path| {
        ends(path, end) && path.parent().and_then(Path::parent) == Some(root.as_path())
    })
}

/// Regular files inside layers: three levels below the layers directory and deeper.
pub(super) fn files_of_layers(call: &Call) -> Vec<PathBuf> {
    let root = call.layers("");
    below(&root, &|path| {
        let inside = path.strip_prefix(&root).unwrap_or(path);
        inside.components().count() > 2
            && !inside.starts_with("sbom")
            && path.symlink_metadata().is_ok_and(|kind| kind.is_file())
    })
}

pub(super) fn forget_target(call: &mut Call) {
    toml(&analyzed(call), |table| {
        inner(table, &["run-image"])?.remove("target").map(drop)
    });
}

pub(super) fn forget_platform(call: &mut Call) {
    let empty = "/tmp/no-platform".to_owned();
    let _ = fs::create_dir_all(&empty);
    call.drop_flag("platform");
    call.env.insert("CNB_PLATFORM_DIR".to_owned(), empty);
}

pub(super) fn front_of_builds(call: &Call, lines: &str) {
    in_front_of_builds(&buildpacks(call), lines);
}

pub(super) fn on_exit_of_builds(call: &Call, lines: &str) {
    front_of_builds(
        call,
        &format!("L=${{CNB_LAYERS_DIR:-$1}}\nafterwards() {{ {lines}; }}\ntrap afterwards EXIT"),
    );
}

pub(super) fn change_lifecycle_label(call: &Call, change: impl FnOnce(&mut Value)) {
    spoil(call, |parts| {
        parts.change_label("io.buildpacks.lifecycle.metadata", change);
    });
}

pub(super) fn change_headers(call: &Call, change: impl Fn(&mut tar::Header)) {
    spoil(call, |parts| {
        for archive in parts.archives.iter_mut().skip(1) {
            *archive = headers(archive, &change);
        }
    });
}

pub(super) fn drop_variable(call: &Call, start: &str) {
    spoil(call, |parts| {
        if let Some(variables) = parts.config["config"]["Env"].as_array_mut() {
            variables.retain(|value| !value.as_str().is_some_and(|text| text.starts_with(start)));
        }
    });
}

pub(super) fn holds(archive: &[u8], path: &str) -> bool {
    crate::image::entries(archive)
        .iter()
        .any(|entry| entry.path.trim_start_matches('/') == path)
}
