//! The launcher: it ships in every image and reads what the build left.
use crate::ground::{Ground, close};

/// Builds up to the exporter, damages, and expects the launcher to fail with 82.
fn refuses(words: &[&str], damage: impl FnOnce(&Ground)) {
    let mut ground = Ground::new();
    ground.before("exporter");
    damage(&ground);
    ground.stage.set("CNB_APP_DIR", "/workspace");
    let outcome = ground.stage.phase("launcher", &["--", "true"]);
    outcome.expect_code(82).expect_words(words);
    assert_eq!(outcome.output.matches("ERROR: ").count(), 1);
}

const METADATA: &str = "layers/config/metadata.toml";

#[test]
fn malformed_metadata_names_file_and_line() {
    refuses(&["/layers/config/metadata.toml", "line 2"], |ground| {
        ground.stage.write(METADATA, "a = 1\n[[x\n");
    });
}

#[test]
fn unreadable_or_oversized_metadata_names_its_path() {
    let words = ["/layers/config/metadata.toml"];
    refuses(&words, |ground| close(&ground.stage, METADATA));
    refuses(&words, |ground| {
        let file = std::fs::File::create(ground.stage.path(METADATA)).expect("create the file");
        file.set_len(8 << 30).expect("make it sparse and huge");
    });
}

#[test]
fn an_exec_d_program_that_fails_or_writes_nonsense_is_named() {
    let file = "layers/example_first/deps/exec.d/e";
    for body in ["exit 3", "printf '[[x' >&3"] {
        refuses(&["/layers/example_first/deps/exec.d/e"], |ground| {
            ground.stage.write(file, &format!("#!/bin/sh\n{body}\n"));
        });
    }
}
