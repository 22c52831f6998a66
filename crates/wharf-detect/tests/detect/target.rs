use crate::support::{Script, Stage};
use wharf_detect::DetectError;
use wharf_spec::{
    log::Level,
    target::{Distro, Target},
};

fn debian() -> Target {
    Target {
        os: "linux".into(),
        arch: "amd64".into(),
        distro: Some(Distro {
            name: "debian".into(),
            version: "12".into(),
        }),
        ..Target::default()
    }
}

/// `a` is for arm64 only, `b` for anything.
fn stage(group: &str) -> Stage {
    let mut stage = Stage::of_groups(&[group]);
    stage.descriptor("a", "0.10", "[[targets]]\nos = 'linux'\narch = 'arm64'\n");
    stage.only_script("a", Script::default());
    stage.passing(&["b"]);
    stage.inputs.context.target = Some(debian());
    stage
}

#[test]
fn a_required_member_for_another_target_is_an_error_with_the_reason() {
    let stage = stage("a b");
    let error = stage.detect().unwrap_err();
    assert!(matches!(
        error,
        DetectError::NoGroup {
            with_errors: true,
            ..
        }
    ));
    assert_eq!(
        stage.log.lines(Level::Info),
        [
            "======== Error: a@1 ========",
            "the run image is linux/amd64 debian 12, but the buildpack supports linux/arm64",
            "======== Results ========",
            "err:  a@1",
            "pass: b@1",
        ]
    );
    assert_eq!(stage.runs(), ["b/1"]);
}

#[test]
fn an_optional_member_for_another_target_is_skipped_with_the_reason() {
    let stage = stage("a? b");
    assert_eq!(stage.detected(), ["b"]);
    assert_eq!(
        stage.log.lines(Level::Debug)[..3],
        [
            "======== Results ========",
            "skip: a@1: the run image is linux/amd64 debian 12, but the buildpack supports linux/arm64",
            "pass: b@1",
        ]
    );
}

/// `a` lists another stack, `b` this one, `c` any, `d` none, and `e` is of the time of targets.
fn stage_of_a_stack(group: &str) -> Stage {
    let mut stage = Stage::of_groups(&[group]);
    for (id, api, extra) in [
        ("a", "0.9", "[[stacks]]\nid = 'other'\n"),
        (
            "b",
            "0.9",
            "[[stacks]]\nid = 'other'\n[[stacks]]\nid = 'this'\n",
        ),
        ("c", "0.9", "[[stacks]]\nid = '*'\n"),
        ("d", "0.9", ""),
        ("e", "0.10", "[[stacks]]\nid = 'other'\n"),
    ] {
        stage.descriptor(id, api, extra);
        stage.only_script(id, Script::default());
    }
    stage.inputs.stack = Some("this".into());
    stage
}

#[test]
fn buildpacks_of_the_time_of_stacks_are_for_the_stacks_they_list() {
    assert_eq!(stage_of_a_stack("b c d e").detected(), ["b", "c", "d", "e"]);
    let stage = stage_of_a_stack("a b");
    assert!(stage.detect().is_err());
    assert_eq!(
        stage.log.lines(Level::Info)[..2],
        [
            "======== Error: a@1 ========",
            "the stack is 'this', but the buildpack supports other",
        ]
    );
    assert_eq!(stage_of_a_stack("a? b").detected(), ["b"]);
}

#[test]
fn without_a_target_nothing_is_checked() {
    let mut stage = stage("a b");
    stage.inputs.context.target = None;
    assert_eq!(stage.detected(), ["a", "b"]);
}
