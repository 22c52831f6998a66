//! The build plan of a group (buildpack spec, "Phase #1: Detection > Process", build plan).
//!
//! Every member has one or more candidate sections; a trial takes one of each, leftmost varying slowest, and the
//! first that holds is the result. A trial that is chosen in part is judged too, as if later members required
//! whatever any of their candidates requires: what fails even so fails in all trials that begin alike, and they are
//! left out. That keeps the usual plans far away from trying every combination, and a limit ends the rest.
use crate::{DetectError, Trace};
use std::collections::BTreeSet;
use wharf_spec::files::{
    group::GroupElement,
    plan::{BuildPlanSection, Plan, PlanEntry},
};

/// Trials, whole or in part, that are judged before giving up.
const TRIAL_LIMIT: usize = 10_000;

/// A member that passed detection.
pub(crate) struct Element<'a> {
    /// `<id>@<version>` for messages.
    pub name: String,
    /// As a provider in the plan.
    pub provider: GroupElement,
    /// Whether the group can do without it, once its alternatives have been tried.
    pub optional: bool,
    /// Candidates in order; at least one.
    pub sections: &'a [BuildPlanSection],
}

/// The outcome of the first trial that holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Resolution {
    /// Indexes of the members that stay.
    pub kept: Vec<usize>,
    pub plan: Plan,
}

/// The first trial that holds; `None` when there is none.
pub(crate) fn resolve(
    elements: &[Element<'_>],
    trace: &mut Trace,
) -> Result<Option<Resolution>, DetectError> {
    let future = future_requires(elements);
    let mut chosen: Vec<usize> = Vec::new();
    let mut judged = 0;
    loop {
        let whole = chosen.len() == elements.len();
        let trial = Trial::settle(elements, &chosen, &future[chosen.len()]);
        if trial.holds && !whole {
            chosen.push(0);
            continue;
        }
        trace.debug(format!(
            "Resolving plan... (try #{})",
            number(elements, &chosen)
        ));
        for reason in &trial.reasons {
            trace.debug(reason.as_str());
        }
        if trial.holds {
            if !trial.kept.is_empty() {
                let plan = plan_of(elements, &chosen, &trial.kept);
                return Ok(Some(Resolution {
                    kept: trial.kept,
                    plan,
                }));
            }
            trace.debug("fail: no viable buildpacks in group");
        }
        judged += 1;
        if judged >= TRIAL_LIMIT {
            return Err(DetectError::PlanTooComplex { limit: TRIAL_LIMIT });
        }
        if !advance(elements, &mut chosen) {
            return Ok(None);
        }
    }
}

/// Moves on to the next trial that differs; false after the last.
fn advance(elements: &[Element<'_>], chosen: &mut Vec<usize>) -> bool {
    while let Some(last) = chosen.pop() {
        if last + 1 < elements[chosen.len()].sections.len() {
            chosen.push(last + 1);
            return true;
        }
    }
    false
}

/// Which of all combinations, counted from 1, the first trial beginning with `chosen` is.
fn number(elements: &[Element<'_>], chosen: &[usize]) -> u64 {
    let mut number: u64 = 0;
    for (index, element) in elements.iter().enumerate() {
        let choice = chosen.get(index).copied().unwrap_or_default();
        number = number
            .saturating_mul(element.sections.len() as u64)
            .saturating_add(choice as u64);
    }
    number.saturating_add(1)
}

/// For every position the names that the members from there on may require.
fn future_requires<'a>(elements: &[Element<'a>]) -> Vec<BTreeSet<&'a str>> {
    let mut sets = vec![BTreeSet::new()];
    let mut names = BTreeSet::new();
    for element in elements.iter().rev() {
        let sections = element.sections.iter();
        names.extend(sections.flat_map(required));
        sets.push(names.clone());
    }
    sets.reverse();
    sets
}

fn required(section: &BuildPlanSection) -> impl DoubleEndedIterator<Item = &str> {
    section.requires.iter().map(|require| require.name.as_str())
}

fn provided(section: &BuildPlanSection) -> impl Iterator<Item = &str> {
    section.provides.iter().map(|provide| provide.name.as_str())
}

/// A trial, whole or in part, after optional members without a part in it have been dropped.
struct Trial {
    holds: bool,
    kept: Vec<usize>,
    /// Why members were dropped, and why it does not hold.
    reasons: Vec<String>,
}

impl Trial {
    /// Drops optional members until nothing changes. What is left does not depend on the order of dropping, because
    /// a dropped member only takes provisions and requirements away.
    fn settle(elements: &[Element<'_>], chosen: &[usize], future: &BTreeSet<&str>) -> Self {
        let mut trial = Self {
            holds: true,
            kept: (0..chosen.len()).collect(),
            reasons: Vec::new(),
        };
        loop {
            let before = trial.kept.len();
            trial.drop_unmet(elements, chosen);
            if trial.holds {
                trial.drop_unused(elements, chosen, future);
            }
            if !trial.holds || trial.kept.len() == before {
                return trial;
            }
        }
    }

    /// Drops members that require what neither they nor an earlier one provides.
    fn drop_unmet(&mut self, elements: &[Element<'_>], chosen: &[usize]) {
        let mut available = BTreeSet::new();
        let mut kept = Vec::new();
        for index in std::mem::take(&mut self.kept) {
            let section = &elements[index].sections[chosen[index]];
            let own: BTreeSet<&str> = provided(section).collect();
            let unmet =
                required(section).find(|name| !own.contains(name) && !available.contains(name));
            match unmet {
                None => {
                    available.extend(own);
                    kept.push(index);
                }
                Some(name) => self.drop(&elements[index], chosen[index], ("requires", name)),
            }
        }
        self.kept = kept;
    }

    /// Drops members that provide what neither they nor a later one requires.
    fn drop_unused(&mut self, elements: &[Element<'_>], chosen: &[usize], future: &BTreeSet<&str>) {
        let mut wanted = BTreeSet::new();
        let mut kept = Vec::new();
        for index in std::mem::take(&mut self.kept).into_iter().rev() {
            let section = &elements[index].sections[chosen[index]];
            let own: BTreeSet<&str> = required(section).collect();
            let is_wanted =
                |name: &str| own.contains(name) || wanted.contains(name) || future.contains(name);
            let unused = provided(section).find(|name| !is_wanted(name));
            match unused {
                None => {
                    wanted.extend(own);
                    kept.push(index);
                }
                Some(name) => {
                    self.drop(&elements[index], chosen[index], ("provides unused", name));
                }
            }
        }
        kept.reverse();
        self.kept = kept;
    }

    /// An optional member is only dropped with the last of its alternatives: before that, the trials with the next
    /// ones come first.
    fn drop(&mut self, element: &Element<'_>, choice: usize, (verb, name): (&str, &str)) {
        let optional = element.optional && choice + 1 == element.sections.len();
        let word = if optional { "skip" } else { "fail" };
        self.reasons
            .push(format!("{word}: {} {verb} {name}", element.name));
        self.holds &= optional;
    }
}

/// One entry per name that is required, in order of the first requirement.
fn plan_of(elements: &[Element<'_>], chosen: &[usize], kept: &[usize]) -> Plan {
    let section = |index: &usize| &elements[*index].sections[chosen[*index]];
    let mut names: Vec<&str> = Vec::new();
    for name in kept.iter().flat_map(|index| required(section(index))) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let entry = |name: &str| PlanEntry {
        providers: kept
            .iter()
            .filter(|index| provided(section(index)).any(|one| one == name))
            .map(|index| elements[*index].provider.clone())
            .collect(),
        requires: kept
            .iter()
            .flat_map(|index| &section(index).requires)
            .filter(|require| require.name == name)
            .cloned()
            .collect(),
    };
    Plan {
        entries: names.into_iter().map(entry).collect(),
    }
}

#[cfg(test)]
mod tests;
