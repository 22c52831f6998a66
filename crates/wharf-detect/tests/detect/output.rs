use crate::support::{Script, Stage};
use wharf_spec::log::Level;

#[test]
fn success_says_who_takes_part() {
    let mut stage = Stage::of_groups(&["example/long b? c"]);
    stage.passing(&["example/long", "c"]);
    stage.exits("b", 100);
    stage.detected();
    assert_eq!(
        stage.log.lines(Level::Info),
        [
            "2 of 3 buildpacks participating",
            "example/long 1",
            "c            1",
        ]
    );
    assert_eq!(
        stage.log.lines(Level::Debug),
        [
            "======== Results ========",
            "pass: example/long@1",
            "skip: b@1",
            "pass: c@1",
            "Resolving plan... (try #1)",
            "2 of 3 buildpacks participating",
            "example/long 1",
            "c            1",
        ]
    );
}

/// Three groups that fail in every way there is.
fn failing() -> Stage {
    let mut stage = Stage::of_groups(&["a b? c d? e", "f? g", "h"]);
    let says = |code: i32, output: &str| Script {
        code,
        output: output.to_owned(),
        ..Script::default()
    };
    stage.script("a", says(0, "100% of %s\n\nindented:\n  \u{1b}[31mred\n"));
    stage.script("b", says(100, "no thanks"));
    stage.exits("c", 100);
    stage.script("d", says(3, "broken\n"));
    stage.exits("e", 1);
    stage.exits("f", 100);
    stage.passing(&["g"]);
    stage.only_script(
        "g",
        Script {
            plan: "[[requires]]\nname = 'x'\n".into(),
            ..Script::default()
        },
    );
    stage.script(
        "h",
        Script {
            plan: "[[requires]]\nname = 'x'\nversion = '1'\n[requires.metadata]\nversion = '2'\n"
                .into(),
            ..Script::default()
        },
    );
    stage
}

#[test]
fn failure_says_everything_whatever_the_level() {
    let stage = failing();
    let error = stage.detect().unwrap_err();
    let expected = [
        "======== Output: a@1 ========",
        "100% of %s",
        "",
        "indented:",
        "  \u{1b}[31mred",
        "======== Output: b@1 ========",
        "no thanks",
        "======== Output: d@1 ========",
        "broken",
        "======== Results ========",
        "pass: a@1",
        "skip: b@1",
        "fail: c@1",
        "err:  d@1 (3)",
        "err:  e@1 (1)",
        "======== Results ========",
        "skip: f@1",
        "pass: g@1",
        "Resolving plan... (try #1)",
        "fail: g@1 requires x",
        "======== Error: h@1 ========",
        "requirement 'x' has both 'version' and 'metadata.version'; keep 'metadata.version'",
        "======== Results ========",
        "err:  h@1",
    ];
    assert_eq!(stage.log.lines(Level::Info), expected);
    let trace = error.trace().unwrap();
    let informed = trace
        .lines()
        .iter()
        .filter(|line| line.level == Level::Info);
    let informed: Vec<&str> = informed.map(|line| &*line.text).collect();
    assert_eq!(
        informed,
        [
            "======== Output: d@1 ========",
            "broken\n",
            "err:  d@1 (3)",
            "err:  e@1 (1)",
            "======== Error: h@1 ========",
            "requirement 'x' has both 'version' and 'metadata.version'; keep 'metadata.version'",
            "err:  h@1",
        ]
    );
}

#[test]
fn a_group_of_failing_optional_members_says_so() {
    let mut stage = Stage::of_groups(&["a?"]);
    stage.exits("a", 100);
    stage.detect().unwrap_err();
    assert_eq!(
        stage.log.lines(Level::Info),
        [
            "======== Results ========",
            "skip: a@1",
            "fail: no viable buildpacks in group",
        ]
    );
}
