//! `exec.d` programs with the real executable (buildpack spec, "Exec.d").

use crate::stage::{Outcome, Stage};
use std::{fs, os::unix::fs::symlink};

fn stage() -> Stage {
    Stage::new(
        r#"
[[buildpacks]]
  id = "one"
  api = "0.12"
[[buildpacks]]
  id = "two"
  api = "0.12"
[[processes]]
  type = "web"
  command = ["sh", "-c", "printf '%s' \"$SAID\""]
  direct = true
  buildpack-id = "one"
"#,
    )
}

/// Adds its path to `SAID`.
const SAY: &str = "printf 'SAID = \"\"\"%s%s\\n\"\"\"\\n' \"$SAID\" \"$0\" >&3\n";

#[test]
fn programs_run_in_order_and_each_sees_what_the_earlier_ones_set() {
    let stage = stage();
    for file in [
        "one/b/exec.d/web/1",
        "two/a/exec.d/1",
        "one/b/exec.d/2",
        "one/a/exec.d/2",
        "one/a/exec.d/1",
    ] {
        stage.script(&format!("layers/{file}"), SAY);
    }
    stage.script("layers/one/a/exec.d/worker/1", SAY);
    let expected = "@/layers/one/a/exec.d/1\n@/layers/one/a/exec.d/2\n@/layers/one/b/exec.d/2\n\
        @/layers/two/a/exec.d/1\n@/layers/one/b/exec.d/web/1\n";
    assert_eq!(
        stage.launch("web", &[]),
        Outcome::success(stage.expand(expected))
    );
    let user = stage.launch("launcher", &["--", "sh", "-c", "printf %s \"$SAID\""]);
    let without_type = expected.replace("@/layers/one/b/exec.d/web/1\n", "");
    assert_eq!(user, Outcome::success(stage.expand(&without_type)));
}

#[test]
fn a_program_runs_in_the_app_directory_with_the_environment_of_the_layers() {
    let stage = stage();
    stage.write("layers/two/z/env.launch/LATE", "late");
    stage.script(
        "layers/one/a/exec.d/1",
        "printf 'SAID = \"%s %s %s\"\\n' \"$(pwd)\" \"$LATE\" \"$CNB_APP_DIR\" >&3",
    );
    assert_eq!(
        stage.launch("web", &[]),
        Outcome::success(stage.expand("@/app late "))
    );
}

#[test]
fn standard_output_is_the_apps_log_and_sets_nothing() {
    let stage = stage();
    stage.script(
        "layers/one/a/exec.d/1",
        "echo 'SAID = \"x\"'; echo warn >&2",
    );
    let expected = Outcome {
        status: Some(0),
        stdout: "SAID = \"x\"\n".into(),
        stderr: "warn\n".into(),
    };
    assert_eq!(stage.launch("web", &[]), expected);
}

#[test]
fn a_link_to_a_program_is_run_and_no_output_sets_nothing() {
    let stage = stage();
    stage.script("layers/one/a/real", "exec true");
    stage.write("layers/one/a/exec.d/web/.keep/x", "");
    symlink("../real", stage.path("layers/one/a/exec.d/1")).unwrap();
    assert_eq!(stage.launch("web", &[]), Outcome::success(""));
}

#[test]
fn a_program_left_behind_does_not_hold_up_the_launch() {
    let stage = stage();
    let script = "sleep 600 >/dev/null 2>&1 &\nprintf 'SAID = \"%s\"\\n' $! >&3";
    stage.script("layers/one/a/exec.d/1", script);
    let outcome = stage.launch("web", &[]);
    // Ends what this test started, so that nothing outlives it.
    let pid = outcome.stdout.clone();
    assert!(pid.parse::<u32>().is_ok(), "{outcome:?}");
    assert!(
        std::process::Command::new("kill")
            .arg(&pid)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(outcome, Outcome::success(pid));
}

#[test]
fn a_failing_program_ends_the_launch_and_is_named() {
    let cases = [
        (
            "exit 3",
            "run exec.d program @/layers/one/a/exec.d/1: it ended with status 3",
        ),
        (
            "kill -9 $$",
            "run exec.d program @/layers/one/a/exec.d/1: it was ended by signal 9",
        ),
        (
            "printf 'A = \"b\"\\nB = 1\\n' >&3",
            "read the variables of exec.d program @/layers/one/a/exec.d/1: line 2, column 1: \
             the value of a variable must be a string",
        ),
        (
            "exec yes >&3",
            "run exec.d program @/layers/one/a/exec.d/1: it wrote more than 1048576 bytes to file descriptor 3",
        ),
    ];
    for (script, cause) in cases {
        let stage = stage();
        stage.script("layers/one/a/exec.d/1", script);
        assert_eq!(
            stage.launch("web", &[]),
            Outcome::failure(82, stage.expand(cause))
        );
    }
}

#[test]
fn a_program_that_cannot_start_is_named() {
    let stage = stage();
    stage.write("layers/one/a/exec.d/1", "not a program");
    let cause = "run exec.d program @/layers/one/a/exec.d/1: start: permission denied";
    assert_eq!(
        stage.launch("web", &[]),
        Outcome::failure(82, stage.expand(cause))
    );
    stage.script("layers/one/a/exec.d/1", "");
    let text = fs::read_to_string(stage.path("layers/one/a/exec.d/1")).unwrap();
    fs::write(
        stage.path("layers/one/a/exec.d/1"),
        text.replace("/bin/sh", "/no/shell"),
    )
    .unwrap();
    let cause = "run exec.d program @/layers/one/a/exec.d/1: start: no such file or directory";
    assert_eq!(
        stage.launch("web", &[]),
        Outcome::failure(82, stage.expand(cause))
    );
}
