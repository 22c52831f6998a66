use crate::support::{Script, Stage};
use std::sync::{Barrier, atomic::Ordering};
use wharf_detect::DetectError;
use wharf_spec::{
    encode::toml_text,
    files::{parse, plan::Plan},
};

#[test]
fn the_first_group_that_passes_is_chosen() {
    let mut stage = Stage::of_groups(&["a b", "b", "a"]);
    stage.exits("a", 100);
    stage.passing(&["b"]);
    assert_eq!(stage.detected(), ["b"]);
}

#[test]
fn the_group_names_api_and_homepage_and_the_plan_providers() {
    let mut stage = Stage::of_groups(&["example/a b?"]);
    stage.descriptor("example/a", "0.12", "homepage = 'a.example'");
    let plan = "[[provides]]\nname = 'x'\n[[or]]\n[[or.provides]]\nname = 'y'\n";
    stage.only_script(
        "example/a",
        Script {
            plan: plan.into(),
            ..Script::default()
        },
    );
    let plan = "[[requires]]\nname = 'y'\nversion = '3'\n[requires.metadata]\nlaunch = true\n";
    stage.script(
        "b",
        Script {
            plan: plan.into(),
            ..Script::default()
        },
    );
    let detected = stage.detect().unwrap();
    assert_eq!(
        toml_text(&detected.group).unwrap(),
        "[[group]]\n  id = \"example/a\"\n  version = \"1\"\n  api = \"0.12\"\n  homepage = \"a.example\"\n\n\
         [[group]]\n  id = \"b\"\n  version = \"1\"\n  api = \"0.10\"\n"
    );
    let plan: Plan = parse(
        "[[entries]]\n[[entries.providers]]\nid = 'example/a'\nversion = '1'\n\
         [[entries.requires]]\nname = 'y'\n[entries.requires.metadata]\nlaunch = true\nversion = '3'\n",
    )
    .unwrap();
    assert_eq!(detected.plan, plan);
}

#[test]
fn an_optional_member_may_fail_or_error_but_somebody_must_pass() {
    let mut stage = Stage::of_groups(&["a? b? c", "a? b?"]);
    stage.exits("a", 100);
    stage.exits("b", 7);
    stage.passing(&["c"]);
    assert_eq!(stage.detected(), ["c"]);

    let mut stage = Stage::of_groups(&["a? b?"]);
    stage.exits("a", 100);
    stage.exits("b", 100);
    let error = stage.detect().unwrap_err();
    assert!(matches!(
        error,
        DetectError::NoGroup {
            with_errors: false,
            ..
        }
    ));
}

#[test]
fn an_error_anywhere_is_remembered_when_no_group_passes() {
    for groups in [["a", "b"], ["a?", "b"]] {
        let mut stage = Stage::of_groups(&groups);
        stage.exits("a", 1);
        stage.exits("b", 100);
        let error = stage.detect().unwrap_err();
        assert!(matches!(
            error,
            DetectError::NoGroup {
                with_errors: true,
                ..
            }
        ));
    }
}

#[test]
fn a_buildpack_runs_once_however_many_groups_it_is_in() {
    let mut stage = Stage::of_groups(&["a b", "a c", "a"]);
    stage.passing(&["a"]);
    stage.exits("b", 100);
    stage.exits("c", 100);
    assert_eq!(stage.detected(), ["a"]);
    assert_eq!(stage.runs(), ["a/1", "b/1", "c/1"]);
}

#[test]
fn members_run_side_by_side_up_to_the_limit() {
    let mut stage = Stage::of_groups(&["a b c d e"]);
    stage.passing(&["a", "b", "c", "d", "e"]);
    stage.inputs.concurrency = 2;
    stage.detected();
    assert!(stage.runner.most.load(Ordering::SeqCst) <= 2);

    let mut stage = Stage::of_groups(&["a b"]);
    stage.passing(&["a", "b"]);
    // Each waits for the other.
    stage.runner.barrier = Some(Barrier::new(2));
    assert_eq!(stage.detected(), ["a", "b"]);

    let mut stage = Stage::of_groups(&["a b"]);
    stage.passing(&["a", "b"]);
    stage.inputs.concurrency = 0;
    assert_eq!(stage.detected(), ["a", "b"]);
    assert_eq!(stage.runner.most.load(Ordering::SeqCst), 1);
}

#[test]
fn a_group_whose_plan_cannot_be_resolved_is_followed_by_the_next() {
    let mut stage = Stage::of_groups(&["a", "b"]);
    stage.script(
        "a",
        Script {
            plan: "[[requires]]\nname = 'x'\n".into(),
            ..Script::default()
        },
    );
    stage.passing(&["b"]);
    assert_eq!(stage.detected(), ["b"]);
}
