//! Faults of analysis, detection and restoring.
use super::{
    ANALYZER, DETECTOR, Fault, RESTORER, after, analyzed, before, files_of_layers, forget_platform,
    forget_target, group, layer_files, plan,
};
use crate::mutant::files::{below, ends, list, text, toml};
use std::{fs, os::unix::fs::PermissionsExt};

pub(super) const ANALYSIS: &[Fault] = &[
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
        "analysis fails with a status of another phase",
        ANALYZER,
        |call| {
            if call.code != 0 {
                call.code = 45;
            }
        },
    ),
];

pub(super) const DETECTION: &[Fault] = &[
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

pub(super) const RESTORING: &[Fault] = &[
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
