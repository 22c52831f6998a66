//! Faults of exporting, in files and in the image.
use super::{
    EXPORTER, Fault, after, before, change_headers, change_lifecycle_label, drop_variable, holds,
    images, metadata, report,
};
use crate::mutant::{
    files::{below, ends, inner, toml},
    image::{reversed, spoil},
};
use serde_json::json;
use std::fs;

pub(super) const EXPORT_FILES: &[Fault] = &[
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

pub(super) const EXPORT_IMAGE: &[Fault] = &[
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
