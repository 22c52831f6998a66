//! Which test shows which requirement on which API versions, and `docs/spec-map.md`.
use super::{
    Pair,
    requirements::Requirement,
    runner::{Finished, Verdict},
};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one requirement after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A passing test shows it.
    Covered,
    /// A test that names it fails.
    Failing,
    /// No test shows it, and the table says why.
    Excused,
    /// No test shows it.
    Missing,
}

/// Coverage of every requirement.
#[derive(Debug)]
pub struct Map {
    rows: BTreeMap<&'static str, Row>,
}

#[derive(Debug)]
struct Row {
    requirement: Requirement,
    state: State,
    tests: BTreeMap<&'static str, BTreeSet<Pair>>,
}

impl Map {
    /// The map of a run; requirements that a test named outside their range do not count.
    pub fn new(requirements: BTreeMap<&'static str, Requirement>, finished: &[Finished]) -> Self {
        let mut rows = BTreeMap::new();
        for (id, requirement) in requirements {
            let mut tests: BTreeMap<&'static str, BTreeSet<Pair>> = BTreeMap::new();
            let mut failing = false;
            for case in finished
                .iter()
                .filter(|case| requirement.applies(case.pair))
            {
                match &case.verdict {
                    Verdict::Passed if case.touched.contains(id) => {
                        tests.entry(case.test.name).or_default().insert(case.pair);
                    }
                    Verdict::Failed { .. } => failing |= case.test.covers.contains(&id),
                    Verdict::Passed | Verdict::Skipped => {}
                }
            }
            let state = match () {
                () if failing => State::Failing,
                () if !tests.is_empty() => State::Covered,
                () if !requirement.excuse.is_empty() => State::Excused,
                () => State::Missing,
            };
            rows.insert(
                id,
                Row {
                    requirement,
                    state,
                    tests,
                },
            );
        }
        Self { rows }
    }

    /// How many requirements are in a state.
    pub fn count(&self, state: State) -> usize {
        self.rows.values().filter(|row| row.state == state).count()
    }

    /// Identifiers of the requirements in a state.
    pub fn in_state(&self, state: State) -> Vec<&'static str> {
        let rows = self.rows.iter().filter(|(_, row)| row.state == state);
        rows.map(|(id, _)| *id).collect()
    }

    /// The generated page.
    pub fn page(&self) -> String {
        let mut page = format!(
            "# Which test shows which requirement\n\n\
             Written by `cargo xtask conformance --write-map`; do not edit. The requirements stand in\n\
             `spec-tests/requirements.tsv`; [how to run and read the suite](conformance.md).\n\n\
             {}\n\n\
             | Requirement | In force | Test | Runs on |\n|---|---|---|---|\n",
            self.summary()
        );
        for (id, row) in &self.rows {
            if row.tests.is_empty() {
                let why = match row.state {
                    State::Excused => row.requirement.excuse,
                    State::Failing => "**failing**",
                    State::Covered | State::Missing => "**missing**",
                };
                page += &format!("| {id} | {} | {why} | |\n", row.requirement.range());
            }
            for (test, pairs) in &row.tests {
                let runs = ranges(pairs);
                page += &format!(
                    "| {id} | {} | `{test}` | {runs} |\n",
                    row.requirement.range()
                );
            }
        }
        page
    }

    /// The closing line about requirements.
    pub fn summary(&self) -> String {
        format!(
            "requirements: {} covered, {} failing, {} excused, {} missing",
            self.count(State::Covered),
            self.count(State::Failing),
            self.count(State::Excused),
            self.count(State::Missing)
        )
    }
}

fn ranges(pairs: &BTreeSet<Pair>) -> String {
    let platforms = pairs.iter().map(|pair| pair.platform).collect();
    let buildpacks = pairs.iter().map(|pair| pair.buildpack).collect();
    format!(
        "platform {}, buildpack {}",
        range(&platforms),
        range(&buildpacks)
    )
}

fn range(minors: &BTreeSet<u8>) -> String {
    match (minors.first(), minors.last()) {
        (Some(first), Some(last)) if first != last => format!("0.{first}–0.{last}"),
        (Some(first), _) => format!("0.{first}"),
        _ => String::new(),
    }
}
