//! Does the suite bite? Plants faults one at a time and looks whether a test fails.
use super::{
    Test,
    ground::Ground,
    runner::{self, Plan, Verdict},
    subject::Subject,
};
use crate::mutant::{self, Fault};
use std::{fmt::Write, path::Path};
use tempfile::TempDir;

/// What became of one fault.
#[derive(Debug)]
pub struct Caught {
    /// The fault.
    pub fault: Fault,
    /// The first test that failed, if one did.
    pub by: Option<&'static str>,
}

/// Plants every fault whose name contains `filter` into the lifecycle and runs `tests`, each on its newest versions,
/// those of the fault's phases first, until one fails.
///
/// Tests have to pass without a fault: one that fails anyway would catch everything.
pub fn run(subject: &Subject, tests: &[Test], filter: &str) -> Result<Vec<Caught>, String> {
    let tests = passing(subject, tests);
    let dir = TempDir::new().map_err(|error| format!("cannot make a directory: {error}"))?;
    let program =
        std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    mutant::prepare(dir.path(), &subject.dir, &program)?;
    mutant::all()
        .into_iter()
        .filter(|fault| fault.name.contains(filter))
        .map(|fault| one(fault, dir.path(), &tests))
        .collect()
}

fn one(fault: Fault, dir: &Path, tests: &[Test]) -> Result<Caught, String> {
    mutant::plant(dir, &fault)?;
    let subject = Subject::open(dir)?;
    // Of its own: in registries where cases ran before, they would find each other's images.
    let ground = Ground::new();
    let finished = runner::run(&plan(&fault, tests), &subject, &ground);
    let by = finished
        .iter()
        .find(|case| matches!(case.verdict, Verdict::Failed { .. }))
        .map(|case| case.test.name);
    Ok(Caught { fault, by })
}

fn passing(subject: &Subject, tests: &[Test]) -> Vec<Test> {
    let plan = Plan {
        cases: tests.iter().filter_map(newest).collect(),
        ..Plan::default()
    };
    let finished = runner::run(&plan, subject, &Ground::new());
    finished
        .into_iter()
        .filter(|case| case.verdict == Verdict::Passed)
        .map(|case| case.test)
        .collect()
}

fn plan(fault: &Fault, tests: &[Test]) -> Plan {
    // An image that a mutant of the launcher is copied into lacks the real one beside it: a test that launches such
    // an image would fail whatever the fault is.
    let launches_images = |test: &Test| test.name.starts_with("launch::images");
    let honest = tests
        .iter()
        .filter(|test| fault.phases != ["launcher"] || !launches_images(test));
    let mut cases: Vec<_> = honest.filter_map(newest).collect();
    cases.sort_by_key(|(test, _)| !fault.phases.iter().any(|phase| concerns(test, phase)));
    Plan {
        cases,
        fail_fast: true,
        ..Plan::default()
    }
}

fn newest(test: &Test) -> Option<(Test, super::Pair)> {
    test.pairs().last().map(|pair| (*test, *pair))
}

/// `analyzer` is of the part `analyze`: they share a stem.
fn concerns(test: &Test, executable: &str) -> bool {
    let stem = executable.trim_end_matches("er").trim_end_matches("or");
    let part = test.phase();
    part.starts_with(stem) || (stem == "export" && part == "layers")
}

/// The report: misses in words, then a count.
pub fn text(caught: &[Caught]) -> String {
    let mut text = String::new();
    for one in caught {
        let phases = one.fault.phases.join(", ");
        let by = one.by.unwrap_or("MISSED");
        let _ = writeln!(text, "{} ({phases}): {by}", one.fault.name);
    }
    let hits = caught.iter().filter(|one| one.by.is_some()).count();
    let _ = writeln!(text, "mutants: {hits} of {} caught", caught.len());
    text
}

/// Whether every fault was caught.
pub fn all_caught(caught: &[Caught]) -> bool {
    caught.iter().all(|one| one.by.is_some())
}
