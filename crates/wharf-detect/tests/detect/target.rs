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

#[test]
fn without_a_target_nothing_is_checked() {
    let mut stage = stage("a b");
    stage.inputs.context.target = None;
    assert_eq!(stage.detected(), ["a", "b"]);
}
