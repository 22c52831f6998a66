use super::*;
use crate::order::provider;
use wharf_spec::files::plan::{Provide, Require};

/// A section written as `+provided -required`.
fn section(text: &str) -> BuildPlanSection {
    let mut section = BuildPlanSection::default();
    for word in text.split_whitespace() {
        let (sign, name) = word.split_at(1);
        let name = name.to_owned();
        if sign == "+" {
            section.provides.push(Provide { name });
        } else {
            section.requires.push(Require {
                name,
                ..Require::default()
            });
        }
    }
    section
}

/// Members written as `a: section | alternative`; an optional one as `a?: …`.
fn members(text: &[&str]) -> Vec<(String, bool, Vec<BuildPlanSection>)> {
    text.iter()
        .map(|member| {
            let (name, sections) = member.split_once(':').unwrap();
            let sections = sections.split('|').map(section).collect();
            let optional = name.ends_with('?');
            (name.trim_end_matches('?').to_owned(), optional, sections)
        })
        .collect()
}

fn elements(members: &[(String, bool, Vec<BuildPlanSection>)]) -> Vec<Element<'_>> {
    members
        .iter()
        .map(|(name, optional, sections)| Element {
            name: name.clone(),
            provider: provider(&name.parse().unwrap(), "1"),
            optional: *optional,
            sections,
        })
        .collect()
}

/// Names of the members that stay, and the plan as `name: providers <- number of requirements`.
fn outcome(text: &[&str]) -> Option<(Vec<String>, Vec<String>)> {
    let members = members(text);
    let elements = elements(&members);
    let resolution = resolve(&elements, &mut Trace::default()).unwrap()?;
    let kept = resolution
        .kept
        .iter()
        .map(|index| elements[*index].name.clone());
    let entries = resolution.plan.entries.iter().map(|entry| {
        let providers: Vec<_> = entry.providers.iter().map(|one| one.id.as_str()).collect();
        let name = &entry.requires[0].name;
        format!(
            "{name}: {} <- {}",
            providers.join(" "),
            entry.requires.len()
        )
    });
    Some((kept.collect(), entries.collect()))
}

fn both(kept: &[&str], entries: &[&str]) -> (Vec<String>, Vec<String>) {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    (owned(kept), owned(entries))
}

#[test]
fn requirements_find_providers_at_or_before_them() {
    assert_eq!(outcome(&["a:", "b:"]), Some(both(&["a", "b"], &[])));
    assert_eq!(outcome(&["a: +x -x"]), Some(both(&["a"], &["x: a <- 1"])));
    assert_eq!(
        outcome(&["a: +x", "b: -x +y", "c: +x -y -x -x"]),
        Some(both(&["a", "b", "c"], &["x: a c <- 3", "y: b <- 1"]))
    );
    assert_eq!(outcome(&["a: -x", "b: +x"]), None);
    assert_eq!(outcome(&["a: +x"]), None);
    assert_eq!(outcome(&["a: -x", "b: +x -x"]), None);
}

#[test]
fn optional_members_without_a_part_are_dropped_with_what_they_bring() {
    assert_eq!(outcome(&["a?: +x", "b:"]), Some(both(&["b"], &[])));
    assert_eq!(
        outcome(&["a?: -x +y", "b?: -y", "c:"]),
        Some(both(&["c"], &[]))
    );
    assert_eq!(outcome(&["a?: -x +y", "b: -y"]), None);
    assert_eq!(outcome(&["a: +x", "b?: -x -y"]), None);
    assert_eq!(outcome(&["a?: +x"]), None);
}

#[test]
fn an_optional_member_is_dropped_only_with_its_last_alternative() {
    for a in ["a?: +x | +y", "a?: -x | +y"] {
        assert_eq!(
            outcome(&[a, "b: -y |"]),
            Some(both(&["a", "b"], &["y: a <- 1"]))
        );
    }
    assert_eq!(
        outcome(&["a?: +x | +y -y", "b:"]),
        Some(both(&["a", "b"], &["y: a <- 1"]))
    );
    assert_eq!(outcome(&["a?: +x | -z", "b:"]), Some(both(&["b"], &[])));
}

#[test]
fn the_first_alternative_that_holds_wins_with_the_leftmost_member_varying_slowest() {
    assert_eq!(
        outcome(&["a: -z | +x | +y", "b: -y | -x"]),
        Some(both(&["a", "b"], &["x: a <- 1"]))
    );
    assert_eq!(
        outcome(&["a: +x | ", "b: -x | "]),
        Some(both(&["a", "b"], &["x: a <- 1"]))
    );
}

#[test]
fn every_try_is_numbered_and_says_why_it_failed() {
    let members = members(&["a?: -w", "b: +x | +y | +z -z", "c: -y | -y -w |"]);
    let mut trace = Trace::default();
    let resolution = resolve(&elements(&members), &mut trace).unwrap().unwrap();
    assert_eq!(resolution.kept, [1, 2]);
    let lines: Vec<&str> = trace.lines().iter().map(|line| &*line.text).collect();
    assert_eq!(
        lines,
        [
            "Resolving plan... (try #1)",
            "skip: a requires w",
            "fail: b provides unused x",
            "Resolving plan... (try #4)",
            "skip: a requires w",
        ]
    );
}

#[test]
fn many_alternatives_do_not_mean_many_tries() {
    let many: Vec<String> = (0..30)
        .map(|n| format!("p{n}: +x{n} | +y{n} | +z{n}"))
        .collect();
    let mut text: Vec<&str> = many.iter().map(String::as_str).collect();
    let all = (0..30)
        .map(|n| format!("-z{n}"))
        .collect::<Vec<_>>()
        .join(" ");
    let last = format!("last: {all}");
    text.push(&last);
    assert_eq!(outcome(&text).unwrap().0.len(), 31);
}

#[test]
fn a_plan_that_takes_forever_is_given_up_with_an_error() {
    let many: Vec<String> = (0..20).map(|n| format!("p{n}: +x{n} | ")).collect();
    let mut text: Vec<&str> = many.iter().map(String::as_str).collect();
    // Every name may be required, but never all of them that are provided: no part of a trial tells.
    let alternatives: Vec<String> = (0..20)
        .map(|n| {
            let others = (0..20).filter(|m| *m != n).map(|m| format!("-x{m}"));
            others.collect::<Vec<_>>().join(" ") + " -never"
        })
        .collect();
    let last = format!("last:{}", alternatives.join("|"));
    text.push(&last);
    let members = members(&text);
    let error = resolve(&elements(&members), &mut Trace::default()).unwrap_err();
    assert!(matches!(
        error,
        DetectError::PlanTooComplex { limit: TRIAL_LIMIT }
    ));
}

/// Every combination in order, each judged as a whole.
fn exhaustively(elements: &[Element<'_>]) -> Option<Resolution> {
    let mut chosen = vec![0; elements.len()];
    loop {
        let trial = Trial::settle(elements, &chosen, &BTreeSet::new());
        if trial.holds && !trial.kept.is_empty() {
            let plan = plan_of(elements, &chosen, &trial.kept);
            return Some(Resolution {
                kept: trial.kept,
                plan,
            });
        }
        let mut position = elements.len();
        loop {
            if position == 0 {
                return None;
            }
            position -= 1;
            chosen[position] += 1;
            if chosen[position] < elements[position].sections.len() {
                break;
            }
            chosen[position] = 0;
        }
    }
}

#[test]
fn leaving_out_trials_never_changes_the_result() {
    let mut seed: u64 = 7;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let mut resolved = 0;
    for _ in 0..3000 {
        let mut members = Vec::new();
        for number in 0..=random(4) {
            let sections = (0..=random(3)).map(|_| {
                let words = (0..random(4)).map(|_| {
                    let sign = ['+', '-'][usize::from(random(2) == 0)];
                    format!(
                        "{sign}{} ",
                        ["x", "y", "z"][usize::try_from(random(3)).unwrap()]
                    )
                });
                section(&words.collect::<String>())
            });
            let sections = sections.collect();
            members.push((format!("m{number}"), random(3) == 0, sections));
        }
        let elements = elements(&members);
        let expected = exhaustively(&elements);
        resolved += usize::from(expected.is_some());
        let found = resolve(&elements, &mut Trace::default()).unwrap();
        assert_eq!(found, expected, "{members:?}");
    }
    assert!(resolved > 500 && resolved < 2500, "{resolved}");
}
