//! Prometheus' text format.
use crate::{plan::Plan, report::Report};
use std::{collections::BTreeMap, fmt::Write};

/// Bases beyond this number are counted together: metrics must not grow with the fleet.
const MAX_BASES: usize = 50;

/// Of a plan: images by verdict and by base, and what quotas lack.
pub fn of_plan(plan: &Plan) -> String {
    let mut out = String::new();
    head(
        &mut out,
        "wharf_fleet_images",
        "Images of the fleet by verdict.",
    );
    for (verdict, count) in &plan.totals.verdicts {
        let _ = writeln!(out, "wharf_fleet_images{{verdict=\"{verdict}\"}} {count}");
    }
    head(
        &mut out,
        "wharf_fleet_images_by_base",
        "Images by the base they stand on.",
    );
    for (base, count) in by_base(plan) {
        let _ = writeln!(
            out,
            "wharf_fleet_images_by_base{{base=\"{}\"}} {count}",
            escape(&base)
        );
    }
    head(
        &mut out,
        "wharf_fleet_oldest_push_timestamp_text",
        "Oldest push among images on each base; the value is always 1.",
    );
    for (base, pushed) in oldest(plan) {
        let _ = writeln!(
            out,
            "wharf_fleet_oldest_push_timestamp_text{{base=\"{}\",pushed=\"{}\"}} 1",
            escape(&base),
            escape(&pushed)
        );
    }
    head(
        &mut out,
        "wharf_fleet_projects_without_room",
        "Projects whose quota has no room for their rebased images.",
    );
    let full = plan.projects.iter().filter(|project| !project.fits).count();
    let _ = writeln!(out, "wharf_fleet_projects_without_room {full}");
    out
}

/// Of what was done: images by outcome.
pub fn of_report(report: &Report) -> String {
    let mut out = String::new();
    head(
        &mut out,
        "wharf_fleet_outcomes",
        "Images of the plan by what became of them.",
    );
    for (outcome, count) in &report.outcomes {
        let _ = writeln!(out, "wharf_fleet_outcomes{{outcome=\"{outcome}\"}} {count}");
    }
    out
}

/// Of one apply: how long it took and what came of it.
pub fn of_apply(counts: &BTreeMap<&'static str, usize>, milliseconds: u128) -> String {
    let mut out = String::new();
    head(
        &mut out,
        "wharf_fleet_apply_images",
        "Images of the last apply by outcome.",
    );
    for (outcome, count) in counts {
        let _ = writeln!(
            out,
            "wharf_fleet_apply_images{{outcome=\"{outcome}\"}} {count}"
        );
    }
    head(
        &mut out,
        "wharf_fleet_apply_duration_seconds",
        "How long the last apply took.",
    );
    let _ = writeln!(
        out,
        "wharf_fleet_apply_duration_seconds {}.{:03}",
        milliseconds / 1000,
        milliseconds % 1000
    );
    out
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
}

fn by_base(plan: &Plan) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for image in plan.images.iter().filter(|image| !image.from.is_empty()) {
        *counts.entry(&image.from).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts
        .into_iter()
        .map(|(base, count)| (base.to_owned(), count))
        .collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rest: usize = counts.iter().skip(MAX_BASES).map(|(_, count)| count).sum();
    counts.truncate(MAX_BASES);
    if rest > 0 {
        counts.push(("other".into(), rest));
    }
    counts
}

fn oldest(plan: &Plan) -> Vec<(String, String)> {
    let mut oldest: BTreeMap<&str, &str> = BTreeMap::new();
    for image in &plan.images {
        let Some(pushed) = image.pushed.as_deref().filter(|_| !image.from.is_empty()) else {
            continue;
        };
        let known = oldest.entry(&image.from).or_insert(pushed);
        *known = (*known).min(pushed);
    }
    oldest
        .into_iter()
        .take(MAX_BASES)
        .map(|(base, pushed)| (base.to_owned(), pushed.to_owned()))
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
