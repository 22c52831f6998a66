//! The conformance suite itself: what a stranger's lifecycle is told, and that the pages about it are complete.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]
use spec_tests::{cases, fixture, mutant, read};
use std::{
    collections::BTreeSet,
    process::{Command, Output},
};

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

/// What is wrong with a test that a page names: `part::module::function` of the suite, or `<file>::<function>`.
fn fault_of(name: &str, suite: &BTreeSet<&str>) -> Option<String> {
    let Some((file, function)) = name.split_once(".rs::") else {
        return (!suite.contains(name)).then(|| format!("the suite has no test {name}"));
    };
    let path = fixture(&format!("../{file}.rs"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let is_test = text.split("#[test]").skip(1).any(|after| {
        let declared = after.lines().find(|line| line.contains("fn "));
        declared.is_some_and(|line| line.contains(&format!("fn {function}(")))
    });
    (!is_test).then(|| format!("{file}.rs has no test {function}"))
}

#[test]
fn every_promise_is_shown_by_a_test_that_is_there() {
    let tests = cases::all();
    let suite: BTreeSet<&str> = tests.iter().map(|test| test.name).collect();
    let page = read(&fixture("../docs/promises.md"));
    let mut faults = Vec::new();
    let mut ids = BTreeSet::new();
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        ids.insert(cells[0]);
        let shown = cells[cells.len() - 1];
        if shown == "Shown by" || shown.starts_with("not in wharf: ") {
            continue;
        }
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            faults.push(format!("no test is named in {row}"));
        }
        named += names.len();
        faults.extend(names.iter().filter_map(|name| fault_of(name, &suite)));
    }
    assert!(
        faults.is_empty(),
        "docs/promises.md:\n{}",
        faults.join("\n")
    );
    for number in 1..=21 {
        let id = format!("P-{number:02}");
        assert!(ids.contains(id.as_str()), "docs/promises.md lacks {id}");
    }
    assert!(named >= 150, "only {named} tests are named");
}
