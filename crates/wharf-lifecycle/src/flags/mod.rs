//! Flags and variables: one table, Go's flag grammar (platform spec, "Inputs" of each phase).
mod go;
mod raw;
mod table;
mod usage;

pub use go::UsageError;
pub(crate) use go::{Asked, parse};
pub(crate) use raw::RawInputs;
pub use raw::{Origin, ValueError};
pub use table::ROWS;
pub(crate) use table::*;
pub(crate) use usage::{default_text, usage};

use crate::phase::Phase;
use wharf_spec::api::{PlatformApi, PlatformApiRange};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text; paths and image references are judged later.
    Text,
    /// `true` or `false`, in Go's spellings.
    Bool,
    /// May be given several times; its variable is a list separated by commas.
    List,
    /// A user or group id.
    Number,
    /// A duration.
    Duration,
}

/// What holds when nothing is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    Nothing,
    /// This text.
    Text(&'static str),
    /// This file or directory below the layers directory.
    InLayers(&'static str),
    /// `<layers>/order.toml` when it is there, else the file at this path.
    Order(&'static str),
}

/// Where a row holds.
#[derive(Debug, Clone, Copy)]
pub struct Use {
    /// Executables.
    pub phases: &'static [Phase],
    /// Platform APIs.
    pub apis: PlatformApiRange,
    /// Whether there is a flag, or the variable only.
    pub flag: bool,
}

/// A flag, its variables and its default.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Name without the dash.
    pub name: &'static str,
    /// Variables in the order they are asked; the first with a value wins.
    pub variables: &'static [&'static str],
    /// What the value is.
    pub kind: Kind,
    /// What holds when nothing is given.
    pub default: Default,
    /// Where it holds.
    pub uses: &'static [Use],
    /// One line for people.
    pub doc: &'static str,
}

impl Row {
    /// Whether `phase` takes this value under `api` at all, and if so, how.
    pub fn used_by(&self, phase: Phase, api: PlatformApi) -> Option<&'static Use> {
        self.uses
            .iter()
            .find(|one| one.phases.contains(&phase) && one.apis.contains(api))
    }
}

/// The flags of `phase` under `api`, sorted by name.
pub fn flags_of(phase: Phase, api: PlatformApi) -> Vec<&'static Row> {
    let mut rows: Vec<_> = ROWS
        .iter()
        .copied()
        .filter(|row| row.used_by(phase, api).is_some_and(|one| one.flag))
        .collect();
    rows.sort_by_key(|row| row.name);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// One line of the reference's table of flags.
    struct Reference {
        phase: Phase,
        name: String,
        variables: Vec<String>,
        apis: String,
    }

    fn reference() -> Vec<Reference> {
        include_str!("../../../../fixtures/reference/cli.tsv")
            .lines()
            .skip(1)
            .map(|line| {
                let cells: Vec<&str> = line.split('\t').collect();
                Reference {
                    phase: Phase::of_executable(cells[0]).unwrap(),
                    name: cells[1].trim_start_matches('-').to_owned(),
                    variables: cells[2]
                        .split(" or ")
                        .filter(|name| !name.is_empty())
                        .map(ToOwned::to_owned)
                        .collect(),
                    apis: cells[3].to_owned(),
                }
            })
            .collect()
    }

    #[test]
    fn names_are_unique_and_documented() {
        let names: BTreeSet<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
        assert!(ROWS.iter().all(|row| !row.doc.is_empty()));
        assert!(ROWS.iter().all(|row| !row.uses.is_empty()));
    }

    #[test]
    fn every_row_of_the_reference_is_there_with_its_variables_and_versions() {
        for expected in reference() {
            let row = ROWS.iter().find(|row| row.name == expected.name);
            let row = row.unwrap_or_else(|| panic!("no row for {}", expected.name));
            let used = row
                .uses
                .iter()
                .find(|one| one.flag && one.phases.contains(&expected.phase));
            let used = used.unwrap_or_else(|| panic!("{} lacks -{}", expected.phase, row.name));
            let shown = (used.apis.to_string(), row.variables);
            let wanted: Vec<_> = expected.variables.iter().map(String::as_str).collect();
            let matches = |variables: &[&str]| {
                let sorted = |list: &[&str]| {
                    list.iter()
                        .map(ToString::to_string)
                        .collect::<BTreeSet<_>>()
                };
                sorted(variables) == sorted(&wanted)
            };
            assert_eq!(shown.0, expected.apis, "{} -{}", expected.phase, row.name);
            assert!(matches(shown.1), "{} -{}", expected.phase, row.name);
        }
    }

    #[test]
    fn no_flag_exists_that_the_reference_lacks() {
        let known: BTreeSet<_> = reference()
            .into_iter()
            .map(|one| (one.phase.executable(), one.name))
            .collect();
        for phase in Phase::ALL {
            for api in PlatformApi::ALL {
                for row in flags_of(phase, api) {
                    assert!(
                        known.contains(&(phase.executable(), row.name.to_owned())),
                        "{phase} -{}",
                        row.name
                    );
                }
            }
        }
    }
}
