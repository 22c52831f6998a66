//! The table of requirements: `spec-tests/requirements.tsv`.
//!
//! `since` is the first API version with the rule, `until` the first one without it; `-` is no bound. The version is
//! one of the document that the row comes from.
use super::{Minor, Pair};
use std::collections::BTreeMap;

/// The table as it lies in the repository.
const TABLE: &str = include_str!("../../requirements.tsv");

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Identifier, such as `P-ANALYZE-012`.
    pub id: &'static str,
    /// Document: `platform`, `buildpack`, `extension` …
    pub spec: &'static str,
    /// Section of the document.
    pub section: &'static str,
    /// What is required, in our words.
    pub text: &'static str,
    /// Why no test shows it; empty when one should.
    pub excuse: &'static str,
    since: Option<Minor>,
    until: Option<Minor>,
}

impl Requirement {
    /// Whether the row is in force at these versions.
    pub fn applies(&self, pair: Pair) -> bool {
        let version = match self.spec {
            "platform" => pair.platform,
            "buildpack" | "extension" => pair.buildpack,
            _ => return true,
        };
        self.since.is_none_or(|since| version >= since)
            && self.until.is_none_or(|until| version < until)
    }

    /// The range as people write it.
    pub fn range(&self) -> String {
        match (self.since, self.until) {
            (None, None) => "all".to_owned(),
            (Some(since), None) => format!("0.{since} and later"),
            (None, Some(until)) => format!("before 0.{until}"),
            (Some(since), Some(until)) => format!("0.{since} to before 0.{until}"),
        }
    }
}

/// All rows by identifier.
pub fn read() -> Result<BTreeMap<&'static str, Requirement>, String> {
    TABLE
        .lines()
        .skip(1)
        .enumerate()
        .map(|(number, line)| {
            let row = parse(line)
                .ok_or_else(|| format!("requirements.tsv:{}: not a row: {line}", number + 2))?;
            Ok((row.id, row))
        })
        .collect()
}

fn parse(line: &'static str) -> Option<Requirement> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, spec, section, since, until, _, _, text, excuse] = columns.as_slice() else {
        return None;
    };
    Some(Requirement {
        id,
        spec,
        section,
        text,
        excuse,
        since: minor(since).ok()?,
        until: minor(until).ok()?,
    })
}

fn minor(text: &str) -> Result<Option<Minor>, std::num::ParseIntError> {
    match text.strip_prefix("0.") {
        Some(minor) => minor.parse().map(Some),
        None if text == "-" => Ok(None),
        None => text.parse().map(Some),
    }
}
