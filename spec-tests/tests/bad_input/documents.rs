//! TOML files: malformed, oversized, missing, unreadable.
use crate::ground::{Ground, broken, close, remove};
use std::fs;

const FIRST: &str = "cnb/buildpacks/example_first/1.2.3";

/// Every file that a phase reads: the phase, the file, and the exit code when it is no use.
const READ: [(&str, &str, i32); 13] = [
    ("analyzer", "cnb/run.toml", 1),
    ("detector", "cnb/order.toml", 1),
    ("detector", "cnb/system.toml", 1),
    ("detector", "layers/analyzed.toml", 1),
    (
        "detector",
        "cnb/buildpacks/example_first/1.2.3/buildpack.toml",
        22,
    ),
    ("restorer", "layers/analyzed.toml", 1),
    ("restorer", "layers/group.toml", 1),
    ("builder", "layers/group.toml", 1),
    ("builder", "layers/plan.toml", 1),
    ("exporter", "layers/group.toml", 1),
    ("exporter", "layers/config/metadata.toml", 1),
    ("exporter", "layers/project-metadata.toml", 1),
    ("exporter", "layers/example_first/deps.toml", 62),
];

fn name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Breaks each file before the phase that reads it.
fn each(words: &[&str], damage: impl Fn(&Ground, &str)) {
    for (phase, file, code) in READ {
        let ground = Ground::new();
        let mut args = ground.before(phase);
        if file == "cnb/system.toml" {
            args.insert(0, "-system=/cnb/system.toml".into());
            ground.stage.write(file, "");
        }
        damage(&ground, file);
        let words = [words, &[name(file)]].concat();
        ground.fails(phase, &args, code, &words);
    }
}

#[test]
fn malformed_toml_names_file_line_and_column() {
    each(&["line 2", "column"], |ground, file| {
        ground.stage.write(file, "api = \"0.12\"\n[[x\n");
    });
}

#[test]
fn oversized_toml_is_refused_before_it_is_read() {
    each(&["large"], |ground, file| {
        let file = fs::File::create(ground.stage.path(file)).expect("create the file");
        file.set_len(8 << 30).expect("make it sparse and huge");
    });
}

#[test]
fn unreadable_toml_is_not_missing_toml() {
    each(&["denied"], |ground, file| close(&ground.stage, file));
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    each(&["UTF-8"], |ground, file| {
        fs::write(ground.stage.path(file), b"x = \"\xff\"\n").expect("write the file");
    });
}

#[test]
fn the_stack_of_older_platforms_is_read_with_the_same_care() {
    let mut ground = Ground::new();
    ground.stage.set("CNB_PLATFORM_API", "0.11");
    ground.stage.write("cnb/stack.toml", "[[x\n");
    let args = ground.before("analyzer");
    ground.fails("analyzer", &args, 1, &["stack.toml", "line 1", "column"]);
}

#[test]
fn what_a_buildpack_writes_is_read_with_the_same_care() {
    for (file, code) in [
        ("launch.toml", 52),
        ("build.toml", 52),
        ("store.toml", 52),
        ("extra.toml", 52),
    ] {
        let malformed = format!("printf 'a = 1\\n[[x\\n' >\"$CNB_LAYERS_DIR/{file}\"");
        let words = [file, "line 2", "column", "example_first"];
        broken("builder", code, &words, |stage| {
            let script = format!("#!/bin/sh\n{malformed}\n");
            stage.write(&format!("{FIRST}/bin/build"), &script);
        });
        let oversized = format!("truncate -s 8G \"$CNB_LAYERS_DIR/{file}\"");
        broken("builder", code, &[file, "larger"], |stage| {
            let script = format!("#!/bin/sh\n{oversized}\n");
            stage.write(&format!("{FIRST}/bin/build"), &script);
        });
    }
}

#[test]
fn a_plan_that_a_buildpack_malformed_fails_its_detection() {
    for (write, words) in [
        (
            "printf 'a = 1\\n[[x\\n' >\"$CNB_BUILD_PLAN_PATH\"",
            ["example/first@1.2.3", "line 2"],
        ),
        (
            "truncate -s 8G \"$CNB_BUILD_PLAN_PATH\"",
            ["example/first@1.2.3", "larger"],
        ),
    ] {
        broken("detector", 21, &words, |stage| {
            let script = format!("#!/bin/sh\n{write}\n");
            stage.write(&format!("{FIRST}/bin/detect"), &script);
        });
    }
}

#[test]
fn missing_handoff_files_name_the_phase_that_writes_them() {
    for (phase, file, writer) in [
        ("restorer", "layers/group.toml", "detector"),
        ("builder", "layers/group.toml", "detector"),
        ("builder", "layers/plan.toml", "detector"),
        ("exporter", "layers/group.toml", "detector"),
        ("exporter", "layers/analyzed.toml", "analyzer"),
        ("exporter", "layers/config/metadata.toml", "builder"),
    ] {
        broken(phase, 1, &[name(file), writer], |stage| remove(stage, file));
    }
}

#[test]
fn a_missing_order_names_its_path() {
    broken("detector", 1, &["/cnb/order.toml", "-order"], |stage| {
        remove(stage, "cnb/order.toml");
    });
}
