//! Faults of the creator, the rebaser and the launcher.
use super::{
    CREATOR, Fault, LAUNCHER, REBASER, after, before, change_lifecycle_label, metadata, report,
};
use crate::mutant::{
    files::{below, ends, text},
    image::spoil,
};
use serde_json::json;
use std::fs;

pub(super) const CREATING: &[Fault] = &[
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

pub(super) const REBASING: &[Fault] = &[
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

pub(super) const LAUNCHING: &[Fault] = &[
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
