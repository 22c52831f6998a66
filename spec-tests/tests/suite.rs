//! The conformance suite itself: what a stranger's lifecycle is told, and that the pages about it are complete.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]
use spec_tests::{fixture, mutant, read};
use std::process::{Command, Output};

fn conformance(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conformance"))
        .arg("--lifecycle")
        .arg(fixture("lifecycles/partial"))
        .args(args)
        .output()
        .expect("start the suite")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_partial_lifecycle_is_judged_to_the_end() {
    let output = conformance(&["--platform-api", "0.15", "--buildpack-api", "0.12"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = text(&output);
    let last = text.lines().last().unwrap_or_default();
    assert!(last.ends_with(" failed, 0 skipped"), "{last}");
    assert!(
        !text.contains("wharf::"),
        "a stranger is judged by our own promises"
    );
}

#[test]
fn a_failure_names_what_was_expected_and_seen_and_how_to_repeat_it() {
    let name = "detect::groups::the_first_passing_group_wins";
    let output = conformance(&["--filter", &format!("={name}"), "--platform-api", "0.15"]);
    assert!(
        text(&output).ends_with("1 passed, 0 failed, 0 skipped\n"),
        "{output:?}"
    );
    let output = conformance(&["--filter", "B-PLAN-003", "--platform-api", "0.15"]);
    let text = text(&output);
    for part in [
        "FAILED ",
        "expected: ",
        "seen: ",
        "B-PLAN-003",
        "last command: bwrap",
        "by hand: cargo xtask conformance --filter =",
    ] {
        assert!(text.contains(part), "'{part}' is not in:\n{text}");
    }
}

#[test]
fn an_executable_that_is_not_there_passes_no_test_of_failure() {
    let output = conformance(&["--filter", "P-EXIT-011", "--platform-api", "0.15"]);
    let text = text(&output);
    assert!(
        text.contains("expected: analyzer in the lifecycle's directory"),
        "{text}"
    );
    assert!(text.ends_with("0 passed, 1 failed, 0 skipped\n"), "{text}");
}

#[test]
fn the_guide_lists_every_planted_fault() {
    let guide = read(&fixture("../docs/conformance.md"));
    for fault in mutant::all() {
        let row = format!("| {} | {} |", fault.name, fault.phases.join(", "));
        assert!(
            guide.contains(&row),
            "docs/conformance.md lacks the row\n{row}"
        );
    }
    assert!(mutant::all().len() >= 40);
}
