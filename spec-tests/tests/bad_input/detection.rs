//! App, buildpacks and `bin/detect`.
use crate::ground::{Ground, broken, close, remove};
use std::fs;

const FIRST: &str = "cnb/buildpacks/example_first/1.2.3";

#[test]
fn a_missing_app_directory_names_its_path() {
    let ground = Ground::new();
    let args = ground
        .before("detector")
        .iter()
        .map(|arg| arg.replace("/workspace", "/workspace/none"))
        .collect::<Vec<_>>();
    ground.fails("detector", &args, 22, &["/workspace/none"]);
}

#[test]
fn a_missing_or_unreadable_buildpack_names_its_path() {
    let words = ["example_first/1.2.3"];
    broken("detector", 22, &words, |stage| {
        fs::remove_dir_all(stage.path("cnb/buildpacks/example_first"))
            .expect("remove the buildpack");
    });
    broken(
        "detector",
        22,
        &["example_first/1.2.3", "denied"],
        |stage| {
            close(stage, FIRST);
        },
    );
}

#[test]
fn a_missing_or_unusable_bin_detect_names_its_path() {
    let words = ["/cnb/buildpacks/example_first/1.2.3/bin/detect"];
    let file = format!("{FIRST}/bin/detect");
    broken("detector", 21, &words, |stage| remove(stage, &file));
    broken("detector", 21, &words, |stage| close(stage, &file));
    broken("detector", 21, &words, |stage| {
        stage.write(&file, "neither a script nor an executable");
    });
}

#[test]
fn no_group_detected_gives_each_reason() {
    let ground = Ground::new();
    let args = ground.before("detector");
    let stage = &ground.stage;
    stage.write(
        &format!("{FIRST}/bin/detect"),
        "#!/bin/sh\necho 'no lang here 100%s'; exit 100\n",
    );
    let words = [
        "fail: example/first@1.2.3",
        "no lang here 100%s",
        "No buildpack groups passed detection.",
    ];
    ground.fails("detector", &args, 20, &words);
    stage.write(
        &format!("{FIRST}/bin/detect"),
        "#!/bin/sh\necho broken; exit 7\n",
    );
    let words = ["err:  example/first@1.2.3 (7)", "broken"];
    ground.fails("detector", &args, 21, &words);
}
