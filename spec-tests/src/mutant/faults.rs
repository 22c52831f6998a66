//! The planted faults.
use super::{
    Call,
    files::{below, ends, in_front_of_builds, inner, list, text, toml},
    image::{headers, reversed, spoil},
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
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
        ANALYSIS,
        DETECTION,
        RESTORING,
        BUILDING,
        EXPORT_FILES,
        EXPORT_IMAGE,
        CREATING,
        REBASING,
        LAUNCHING,
    ]
    .concat()
}

const ANALYSIS: &[Fault] = &[
    after("analysis forgets the previous image", ANALYZER, |call| {
        toml(&analyzed(call), |table| {
            table
                .remove("image")
                .or(table.remove("previous-image"))
                .map(drop)
        });
    }),
    after(
        "analysis records the run image by another digest",
        ANALYZER,
        |call| {
            text(&analyzed(call), |text| {
                text.replace("@sha256:", "@sha256:0")
            });
        },
    ),
    after("analysis drops the run image", ANALYZER, |call| {
        toml(&analyzed(call), |table| table.remove("run-image").map(drop));
    }),
    before("analysis ignores -previous-image", ANALYZER, |call| {
        call.drop_flag("previous-image");
    }),
    before("analysis ignores -run-image", ANALYZER, |call| {
        call.drop_flag("run-image");
    }),
    before("analysis ignores -tag", ANALYZER, |call| {
        call.drop_flag("tag");
    }),
    before("analysis ignores -cache-image", ANALYZER, |call| {
        call.drop_flag("cache-image");
        call.env.remove("CNB_CACHE_IMAGE");
    }),
    after("analysis swallows failures", ANALYZER, |call| call.code = 0),
    after(
        "analysis fails with 1 instead of its own statuses",
        ANALYZER,
        |call| {
            if (30..=39).contains(&call.code) {
                call.code = 1;
            }
        },
    ),
];

const DETECTION: &[Fault] = &[
    after("a failing detection exits with 1", DETECTOR, |call| {
        if call.code == 20 {
            call.code = 1;
        }
    }),
    after(
        "an erring detection exits like a failing one",
        DETECTOR,
        |call| {
            if call.code == 21 {
                call.code = 20;
            }
        },
    ),
    after(
        "group.toml has the members in reverse order",
        DETECTOR,
        |call| {
            toml(&group(call), |table| {
                list(table, "group").map(|members| members.reverse())
            });
        },
    ),
    after("group.toml lacks its last member", DETECTOR, |call| {
        toml(&group(call), |table| list(table, "group")?.pop().map(drop));
    }),
    after("group.toml lacks the versions", DETECTOR, |call| {
        toml(&group(call), |table| {
            for member in list(table, "group")? {
                member.as_table_mut()?.remove("version");
            }
            Some(())
        });
    }),
    after("plan.toml lacks the requirements", DETECTOR, |call| {
        toml(&plan(call), |table| {
            for entry in list(table, "entries")? {
                entry.as_table_mut()?.remove("requires");
            }
            Some(())
        });
    }),
    after("plan.toml lacks its last entry", DETECTOR, |call| {
        toml(&plan(call), |table| list(table, "entries")?.pop().map(drop));
    }),
    before(
        "detection forgets the run image's target",
        DETECTOR,
        forget_target,
    ),
    before(
        "detection gives no platform directory",
        DETECTOR,
        forget_platform,
    ),
    before(
        "detection ignores the execution environment",
        DETECTOR,
        |call| {
            call.env.remove("CNB_EXEC_ENV");
        },
    ),
    before("detection ignores -order", DETECTOR, |call| {
        call.drop_flag("order");
        call.env.remove("CNB_ORDER_PATH");
    }),
    before("detection ignores system buildpacks", DETECTOR, |call| {
        call.drop_flag("system");
        call.env
            .insert("CNB_SYSTEM_PATH".to_owned(), "/nothing".to_owned());
    }),
    before(
        "detection takes optional members for required ones",
        DETECTOR,
        |call| {
            let order = call.value("order", "CNB_ORDER_PATH", "/cnb/order.toml");
            text(&order, |text| text.replace(", optional = true", ""));
        },
    ),
];

const RESTORING: &[Fault] = &[
    before("restoring ignores the cache", RESTORER, |call| {
        call.drop_flag("cache-dir");
    }),
    after("restored layers lack their metadata", RESTORER, |call| {
        for path in layer_files(call, ".toml") {
            let _ = fs::remove_file(path);
        }
    }),
    after("restored layers have types", RESTORER, |call| {
        for path in layer_files(call, ".toml") {
            text(&path, |text| format!("{text}\n[types]\nlaunch = true\n"));
        }
    }),
    after("restored files have other modes", RESTORER, |call| {
        for path in files_of_layers(call) {
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        }
    }),
    after("restored links are files", RESTORER, |call| {
        for path in below(&call.layers(""), &|path| path.is_symlink()) {
            let target = fs::read_link(&path).unwrap_or_default();
            let _ = fs::remove_file(&path);
            let _ = fs::write(&path, target.to_string_lossy().as_bytes());
        }
    }),
    after("the store is not restored", RESTORER, |call| {
        for path in below(&call.layers(""), &|path| ends(path, "store.toml")) {
            let _ = fs::remove_file(path);
        }
    }),
    after(
        "the contents of cached layers are not restored",
        RESTORER,
        |call| {
            for path in files_of_layers(call) {
                let _ = fs::remove_file(path);
            }
        },
    ),
    after("SBOM files are not restored", RESTORER, |call| {
        for path in below(&call.layers(""), &|path| {
            path.to_string_lossy().contains("sbom")
        }) {
            if path.is_file() {
                let _ = fs::remove_file(path);
            }
        }
    }),
    after("restoring swallows failures", RESTORER, |call| {
        call.code = 0;
    }),
];

const BUILDING: &[Fault] = &[
    before("buildpacks build in reverse order", BUILDER, |call| {
        toml(&group(call), |table| {
            list(table, "group").map(|members| members.reverse())
        });
    }),
    before(
        "an env suffix is lost: .append is .override",
        BUILDER,
        |call| {
            on_exit_of_builds(
                call,
                "find \"$L\" -path '*/env*/*.append' | while read -r f; do mv \"$f\" \"${f%.append}.override\"; done",
            );
        },
    ),
    before("delimiters are lost", BUILDER, |call| {
        on_exit_of_builds(
            call,
            "find \"$L\" -path '*/env*/*.delim' | while read -r f; do rm \"$f\"; done",
        );
    }),
    before("env.build is ignored", BUILDER, |call| {
        on_exit_of_builds(call, "rm -rf \"$L\"/*/env.build");
    }),
    before("buildpacks run in another directory", BUILDER, |call| {
        front_of_builds(call, "cd /");
    }),
    before("buildpacks run with another umask", BUILDER, |call| {
        front_of_builds(call, "umask 077");
    }),
    before(
        "the build forgets the run image's target",
        BUILDER,
        forget_target,
    ),
    before(
        "the build gives no platform directory",
        BUILDER,
        forget_platform,
    ),
    before("buildpack plans lack the requirements", BUILDER, |call| {
        toml(&plan(call), |table| {
            for entry in list(table, "entries")? {
                entry.as_table_mut()?.remove("requires");
            }
            Some(())
        });
    }),
    before("clear-env is ignored", BUILDER, |call| {
        for path in below(&buildpacks(call), &|path| path.ends_with("buildpack.toml")) {
            text(&path, |text| text.replace("clear-env = true", ""));
        }
    }),
    after("metadata.toml lacks its last process", BUILDER, |call| {
        toml(&metadata(call), |table| {
            list(table, "processes")?.pop().map(drop)
        });
    }),
    after("metadata.toml names no default process", BUILDER, |call| {
        toml(&metadata(call), |table| {
            table.remove("buildpack-default-process-type").map(drop)
        });
    }),
    after("metadata.toml lacks labels", BUILDER, |call| {
        toml(&metadata(call), |table| table.remove("labels").map(drop));
    }),
    after(
        "metadata.toml lacks the working directories",
        BUILDER,
        |call| {
            toml(&metadata(call), |table| {
                for process in list(table, "processes")? {
                    process.as_table_mut()?.remove("working-dir");
                }
                Some(())
            });
        },
    ),
    after("build SBOM files are lost", BUILDER, |call| {
        let _ = fs::remove_dir_all(call.layers("sbom/build"));
    }),
    after("a failing buildpack is like any failure", BUILDER, |call| {
        if call.code == 51 {
            call.code = 1;
        }
    }),
    after(
        "a failing buildpack does not fail the build",
        BUILDER,
        |call| {
            if call.code == 51 {
                call.code = 0;
            }
        },
    ),
];

const EXPORT_FILES: &[Fault] = &[
    after("the report lacks the digest", EXPORTER, |call| {
        toml(&report(call), |table| {
            inner(table, &["image"])?.remove("digest").map(drop)
        });
    }),
    after("the report lacks the tags", EXPORTER, |call| {
        toml(&report(call), |table| {
            inner(table, &["image"])?.remove("tags").map(drop)
        });
    }),
    after("a cached layer is missing", EXPORTER, |call| {
        let cache = call.value("cache-dir", "CNB_CACHE_DIR", "/cache");
        for path in below(&cache, &|path| ends(path, ".tar")) {
            let _ = fs::remove_file(path);
        }
    }),
    before("slices are ignored", EXPORTER, |call| {
        toml(&metadata(call), |table| table.remove("slices").map(drop));
    }),
    before("project metadata are ignored", EXPORTER, |call| {
        let _ = fs::remove_file(call.layers("project-metadata.toml"));
        call.drop_flag("project-metadata");
    }),
    before("SOURCE_DATE_EPOCH is ignored", EXPORTER, |call| {
        call.env.remove("SOURCE_DATE_EPOCH");
    }),
    before("the default process is ignored", EXPORTER, |call| {
        call.drop_flag("process-type");
        call.env.remove("CNB_PROCESS_TYPE");
    }),
    before("only one name is exported", &["exporter"], |call| {
        if let [first, _, ..] = images(call).as_slice() {
            let first = first.clone();
            call.args
                .retain(|word| word.starts_with('-') || *word == first);
        }
    }),
    after("exporting swallows failures", EXPORTER, |call| {
        call.code = 0;
    }),
];

const EXPORT_IMAGE: &[Fault] = &[
    after("the build label is dropped", EXPORTER, |call| {
        spoil(call, |parts| {
            parts.drop_label("io.buildpacks.build.metadata");
        });
    }),
    after("the project label is dropped", EXPORTER, |call| {
        spoil(call, |parts| {
            parts.drop_label("io.buildpacks.project.metadata");
        });
    }),
    after("the rebasable label is dropped", EXPORTER, |call| {
        spoil(call, |parts| parts.drop_label("io.buildpacks.rebasable"));
    }),
    after(
        "the lifecycle label lacks the buildpacks",
        EXPORTER,
        |call| {
            change_lifecycle_label(call, |label| label["buildpacks"] = json!([]));
        },
    ),
    after(
        "the lifecycle label lacks layer metadata",
        EXPORTER,
        |call| {
            change_lifecycle_label(call, |label| {
                for buildpack in label["buildpacks"].as_array_mut().into_iter().flatten() {
                    for layer in buildpack["layers"].as_object_mut().into_iter().flatten() {
                        if let Some(layer) = layer.1.as_object_mut() {
                            layer.remove("data");
                        }
                    }
                }
            });
        },
    ),
    after(
        "the lifecycle label names another top layer",
        EXPORTER,
        |call| {
            change_lifecycle_label(call, |label| {
                label["runImage"]["topLayer"] = json!("sha256:0");
            });
        },
    ),
    after("the build label lacks processes", EXPORTER, |call| {
        spoil(call, |parts| {
            parts.change_label("io.buildpacks.build.metadata", |label| {
                label["processes"] = json!([]);
            });
        });
    }),
    after("the entrypoint is the launcher", EXPORTER, |call| {
        spoil(call, |parts| {
            parts.config["config"]["Entrypoint"] = json!(["/cnb/lifecycle/other"]);
        });
    }),
    after("the image lacks CNB_LAYERS_DIR", EXPORTER, |call| {
        drop_variable(call, "CNB_LAYERS_DIR=");
    }),
    after("the image lacks CNB_APP_DIR", EXPORTER, |call| {
        drop_variable(call, "CNB_APP_DIR=");
    }),
    after(
        "the image lacks the process directory in PATH",
        EXPORTER,
        |call| {
            spoil(call, |parts| {
                for variable in parts.config["config"]["Env"]
                    .as_array_mut()
                    .into_iter()
                    .flatten()
                {
                    *variable = json!(
                        variable
                            .as_str()
                            .unwrap_or_default()
                            .replace("/cnb/process:", "")
                    );
                }
            });
        },
    ),
    after("the working directory is lost", EXPORTER, |call| {
        spoil(call, |parts| {
            parts.config["config"]["WorkingDir"] = json!("/");
        });
    }),
    after("files of layers have other modes", EXPORTER, |call| {
        change_headers(call, |header| {
            if header.entry_type().is_file() {
                header.set_mode(0o600);
            }
        });
    }),
    after("files of layers have another owner", EXPORTER, |call| {
        change_headers(call, |header| header.set_uid(4242));
    }),
    after("files of layers have times", EXPORTER, |call| {
        change_headers(call, |header| header.set_mtime(1_700_000_000));
    }),
    after(
        "layers have their entries in reverse order",
        EXPORTER,
        |call| {
            spoil(call, |parts| {
                for archive in parts.archives.iter_mut().skip(1) {
                    *archive = reversed(archive);
                }
            });
        },
    ),
    after("the two highest layers are swapped", EXPORTER, |call| {
        spoil(call, |parts| {
            let top = parts.archives.len();
            if top > 2 {
                parts.archives.swap(top - 1, top - 2);
            }
        });
    }),
    after("the app's layer is lost", EXPORTER, |call| {
        spoil(call, |parts| {
            parts
                .archives
                .retain(|archive| !holds(archive, "workspace/app.txt"));
        });
    }),
    after("the image has the time of its making", EXPORTER, |call| {
        spoil(call, |parts| {
            parts.config["created"] = json!("2024-05-06T07:08:09Z");
        });
    }),
];

const CREATING: &[Fault] = &[
    before("the creator ignores -tag", CREATOR, |call| {
        call.drop_flag("tag");
    }),
    before("the creator ignores -skip-restore", CREATOR, |call| {
        call.drop_switch("skip-restore");
    }),
    before("the creator ignores -previous-image", CREATOR, |call| {
        call.drop_flag("previous-image");
    }),
    before("the creator ignores -run-image", CREATOR, |call| {
        call.drop_flag("run-image");
    }),
];

const REBASING: &[Fault] = &[
    before("a rebase is always forced", REBASER, |call| {
        call.args.insert(0, "-force".to_owned());
    }),
    after("a rebase leaves no report", REBASER, |call| {
        let _ = fs::remove_file(report(call));
    }),
    after(
        "a rebase leaves the old top layer in the label",
        REBASER,
        |call| {
            change_lifecycle_label(call, |label| {
                label["runImage"]["topLayer"] = json!("sha256:0");
            });
        },
    ),
    after(
        "a rebase leaves the old reference in the label",
        REBASER,
        |call| {
            change_lifecycle_label(call, |label| label["runImage"]["reference"] = json!("old"));
        },
    ),
    after("a rebase loses the highest layer", REBASER, |call| {
        spoil(call, |parts| drop(parts.archives.pop()));
    }),
    after("a rebase loses labels of the app", REBASER, |call| {
        spoil(call, |parts| {
            parts.drop_label("io.buildpacks.build.metadata");
        });
    }),
    after("a rebase swallows failures", REBASER, |call| call.code = 0),
];

const LAUNCHING: &[Fault] = &[
    before("env.launch is ignored", LAUNCHER, |call| {
        for path in below(&call.layers(""), &|path| ends(path, "env.launch")) {
            let _ = fs::remove_dir_all(path);
        }
    }),
    before(
        "an env suffix is lost at launch: .append is .override",
        LAUNCHER,
        |call| {
            for path in below(&call.layers(""), &|path| ends(path, ".append")) {
                let _ = fs::rename(&path, path.with_extension("override"));
            }
        },
    ),
    before("delimiters are lost at launch", LAUNCHER, |call| {
        for path in below(&call.layers(""), &|path| ends(path, ".delim")) {
            let _ = fs::remove_file(path);
        }
    }),
    before("exec.d is not run", LAUNCHER, |call| {
        for path in below(&call.layers(""), &|path| ends(path, "exec.d")) {
            let _ = fs::remove_dir_all(path);
        }
    }),
    before(
        "working directories are ignored at launch",
        LAUNCHER,
        |call| {
            text(&metadata(call), |text| {
                text.replace("working-dir", "other-dir")
            });
        },
    ),
    before("arguments are given in reverse order", LAUNCHER, |call| {
        call.args.reverse();
    }),
    before("profile scripts are not read", LAUNCHER, |call| {
        for path in below(&call.layers(""), &|path| ends(path, "profile.d")) {
            let _ = fs::remove_dir_all(path);
        }
    }),
    after("a failing launch is like any failure", LAUNCHER, |call| {
        if (80..=89).contains(&call.code) {
            call.code = 1;
        }
    }),
];

fn analyzed(call: &Call) -> PathBuf {
    file(call, "analyzed", "CNB_ANALYZED_PATH", "analyzed.toml")
}

fn group(call: &Call) -> PathBuf {
    file(call, "group", "CNB_GROUP_PATH", "group.toml")
}

fn plan(call: &Call) -> PathBuf {
    file(call, "plan", "CNB_PLAN_PATH", "plan.toml")
}

fn report(call: &Call) -> PathBuf {
    file(call, "report", "CNB_REPORT_PATH", "report.toml")
}

fn metadata(call: &Call) -> PathBuf {
    call.layers("config/metadata.toml")
}

fn buildpacks(call: &Call) -> PathBuf {
    call.value("buildpacks", "CNB_BUILDPACKS_DIR", "/cnb/buildpacks")
}

fn file(call: &Call, flag: &str, variable: &str, name: &str) -> PathBuf {
    let default = call.layers(name);
    call.value(flag, variable, &default.to_string_lossy())
}

fn images(call: &Call) -> Vec<String> {
    let words = call.args.iter().filter(|word| !word.starts_with('-'));
    words.cloned().collect()
}

fn layer_files(call: &Call, end: &str) -> Vec<PathBuf> {
    let root = call.layers("");
    below(&root, &|path| {
        ends(path, end) && path.parent().and_then(Path::parent) == Some(root.as_path())
    })
}

/// Regular files inside layers: three levels below the layers directory and deeper.
fn files_of_layers(call: &Call) -> Vec<PathBuf> {
    let root = call.layers("");
    below(&root, &|path| {
        let inside = path.strip_prefix(&root).unwrap_or(path);
        inside.components().count() > 2
            && !inside.starts_with("sbom")
            && path.symlink_metadata().is_ok_and(|kind| kind.is_file())
    })
}

fn forget_target(call: &mut Call) {
    toml(&analyzed(call), |table| {
        inner(table, &["run-image"])?.remove("target").map(drop)
    });
}

fn forget_platform(call: &mut Call) {
    let empty = "/tmp/no-platform".to_owned();
    let _ = fs::create_dir_all(&empty);
    call.drop_flag("platform");
    call.env.insert("CNB_PLATFORM_DIR".to_owned(), empty);
}

fn front_of_builds(call: &Call, lines: &str) {
    in_front_of_builds(&buildpacks(call), lines);
}

fn on_exit_of_builds(call: &Call, lines: &str) {
    front_of_builds(
        call,
        &format!("L=${{CNB_LAYERS_DIR:-$1}}\nafterwards() {{ {lines}; }}\ntrap afterwards EXIT"),
    );
}

fn change_lifecycle_label(call: &Call, change: impl FnOnce(&mut Value)) {
    spoil(call, |parts| {
        parts.change_label("io.buildpacks.lifecycle.metadata", change);
    });
}

fn change_headers(call: &Call, change: impl Fn(&mut tar::Header)) {
    spoil(call, |parts| {
        for archive in parts.archives.iter_mut().skip(1) {
            *archive = headers(archive, &change);
        }
    });
}

fn drop_variable(call: &Call, start: &str) {
    spoil(call, |parts| {
        if let Some(variables) = parts.config["config"]["Env"].as_array_mut() {
            variables.retain(|value| !value.as_str().is_some_and(|text| text.starts_with(start)));
        }
    });
}

fn holds(archive: &[u8], path: &str) -> bool {
    crate::image::entries(archive)
        .iter()
        .any(|entry| entry.path.trim_start_matches('/') == path)
}
