use crate::support::{Script, Stage};
use std::fs;
use wharf_detect::DetectError;
use wharf_spec::log::Level;

#[test]
fn an_unknown_api_in_any_group_is_told_before_anything_runs() {
    let mut stage = Stage::of_groups(&["a", "b"]);
    stage.passing(&["a"]);
    stage.descriptor("b", "0.99", "");
    let error = stage.detect().unwrap_err();
    assert!(matches!(error, DetectError::BuildpackApi { .. }));
    let path = stage.dir.path().join("buildpacks/b/1/buildpack.toml");
    assert_eq!(
        wharf_testkit::chain(&error),
        format!(
            "start detection: use buildpack 'b@1' of '{}': Buildpack API '0.99' is not supported, supported are 0.7 to 0.12",
            path.display()
        )
    );
    assert_eq!(stage.runs(), [""; 0]);
}

#[test]
fn a_missing_buildpack_is_named() {
    let mut stage = Stage::of_groups(&["a b"]);
    stage.passing(&["a"]);
    let error = stage.detect().unwrap_err();
    assert!(matches!(error, DetectError::Buildpack { .. }));
    let path = stage.dir.path().join("buildpacks/b/1/buildpack.toml");
    assert!(wharf_testkit::chain(&error).contains(&format!("there is no '{}'", path.display())));
}

#[test]
fn a_missing_app_directory_is_named() {
    let mut stage = Stage::of_groups(&["a"]);
    stage.passing(&["a"]);
    let app = stage.dir.path().join("app");
    fs::remove_dir(&app).unwrap();
    assert_eq!(
        stage.detect().unwrap_err().to_string(),
        format!("list app directory '{}'", app.display())
    );
}

#[test]
fn a_plan_that_is_not_toml_is_an_error_of_its_buildpack_with_line_and_column() {
    let mut stage = Stage::of_groups(&["a"]);
    stage.script(
        "a",
        Script {
            plan: "[[provides]]\nname = 7\n".into(),
            ..Script::default()
        },
    );
    let error = stage.detect().unwrap_err();
    assert!(matches!(
        error,
        DetectError::NoGroup {
            with_errors: true,
            ..
        }
    ));
    let lines = stage.log.lines(Level::Info);
    assert_eq!(lines[0], "======== Error: a@1 ========");
    assert!(lines[1].starts_with("read '"), "{}", lines[1]);
    assert!(
        lines[1].ends_with("TOML parse error at line 2, column 8"),
        "{}",
        lines[1]
    );
}

#[test]
fn cancelling_ends_detection() {
    let mut stage = Stage::of_groups(&["a", "b"]);
    stage.script(
        "a",
        Script {
            cancelled: true,
            ..Script::default()
        },
    );
    stage.passing(&["b"]);
    assert!(matches!(stage.detect(), Err(DetectError::Cancelled)));
    assert_eq!(stage.runs(), ["a/1"]);
}

#[test]
fn a_variable_nobody_can_set_is_named() {
    let mut stage = Stage::of_groups(&["a"]);
    stage.passing(&["a"]);
    let env = stage.dir.path().join("platform/env");
    fs::create_dir_all(&env).unwrap();
    fs::write(env.join("A"), b"\0").unwrap();
    assert_eq!(
        wharf_testkit::chain(&stage.detect().unwrap_err()),
        format!(
            "read environment: read environment variable: read '{}': it contains a zero byte, which an environment variable cannot hold",
            env.join("A").display()
        )
    );
}
