//! Faults of the build.
use super::{
    BUILDER, Fault, after, before, buildpacks, forget_platform, forget_target, front_of_builds,
    group, metadata, on_exit_of_builds, plan,
};
use crate::mutant::files::{below, list, text, toml};
use std::fs;

pub(super) const BUILDING: &[Fault] = &[
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
