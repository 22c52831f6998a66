//! What people and programs read after a run.
use super::{
    map::{Map, State},
    runner::{Finished, Verdict},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write, time::Duration};

/// How many of the slowest cases are shown.
const SLOWEST: usize = 10;

/// How many of the missing requirements are shown; the map and the JSON file have all.
const SHOWN: usize = 20;

/// The report for people: failures first, then counts, the slowest, and two closing lines.
pub fn text(finished: &[Finished], map: &Map, whole: bool) -> String {
    let mut text = String::new();
    for case in finished {
        if let Verdict::Failed { message } = &case.verdict {
            let _ = write!(text, "{}", failure(case, message));
        }
    }
    let _ = writeln!(text, "{}", phases(finished));
    let _ = writeln!(text, "slowest:");
    let mut by_time: Vec<&Finished> = finished.iter().collect();
    by_time.sort_by_key(|case| std::cmp::Reverse(case.time));
    for case in by_time.iter().take(SLOWEST) {
        let _ = writeln!(
            text,
            "  {:>6.2} s  {} [{}]",
            case.time.as_secs_f64(),
            case.test.name,
            case.pair
        );
    }
    if whole {
        let missing = map.in_state(State::Missing);
        if !missing.is_empty() {
            let more = missing.len().saturating_sub(SHOWN);
            let shown: Vec<&str> = missing.into_iter().take(SHOWN).collect();
            let _ = writeln!(text, "missing: {} and {more} more", shown.join(" "));
        }
    }
    let (passed, failed, skipped) = counts(finished);
    let _ = writeln!(text, "{}", map.summary());
    let _ = writeln!(text, "{passed} passed, {failed} failed, {skipped} skipped");
    text
}

/// Numbers of cases that passed, failed, were skipped.
pub fn counts(finished: &[Finished]) -> (usize, usize, usize) {
    let count =
        |wanted: fn(&Verdict) -> bool| finished.iter().filter(|case| wanted(&case.verdict)).count();
    (
        count(|verdict| matches!(verdict, Verdict::Passed)),
        count(|verdict| matches!(verdict, Verdict::Failed { .. })),
        count(|verdict| matches!(verdict, Verdict::Skipped)),
    )
}

/// The report for programs.
pub fn json(finished: &[Finished], map: &Map) -> Value {
    let cases: Vec<Value> = finished
        .iter()
        .map(|case| {
            let (result, message) = match &case.verdict {
                Verdict::Passed => ("passed", Value::Null),
                Verdict::Failed { message } => ("failed", json!(message)),
                Verdict::Skipped => ("skipped", Value::Null),
            };
            json!({
                "test": case.test.name,
                "platform-api": format!("0.{}", case.pair.platform),
                "buildpack-api": format!("0.{}", case.pair.buildpack),
                "result": result,
                "message": message,
                "seconds": case.time.as_secs_f64(),
                "requirements": case.touched,
            })
        })
        .collect();
    json!({
        "cases": cases,
        "requirements": {
            "covered": map.in_state(State::Covered),
            "failing": map.in_state(State::Failing),
            "excused": map.in_state(State::Excused),
            "missing": map.in_state(State::Missing),
        },
    })
}

fn failure(case: &Finished, message: &str) -> String {
    let mut text = format!("FAILED {} [{}]\n", case.test.name, case.pair);
    for line in message.lines() {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(last) = case.commands.last() {
        let _ = writeln!(text, "  last command: {last}");
    }
    let _ = writeln!(
        text,
        "  by hand: cargo xtask conformance --filter ={} --platform-api 0.{} --buildpack-api 0.{} --keep\n",
        case.test.name, case.pair.platform, case.pair.buildpack
    );
    text
}

fn phases(finished: &[Finished]) -> String {
    let mut phases: BTreeMap<&str, (usize, usize, Duration)> = BTreeMap::new();
    for case in finished {
        let entry = phases.entry(case.test.phase()).or_default();
        entry.0 += 1;
        entry.1 += usize::from(matches!(case.verdict, Verdict::Failed { .. }));
        entry.2 += case.time;
    }
    let mut text = String::from("phase          cases  failed  seconds\n");
    for (phase, (cases, failed, time)) in phases {
        let _ = writeln!(
            text,
            "{phase:<14} {cases:>5}  {failed:>6}  {:>7.1}",
            time.as_secs_f64()
        );
    }
    text
}
