//! Who did what, when, from what to what, and why not.
use crate::{
    journal::{ImageState, State},
    plan::Plan,
    verdict::Verdict,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write};

/// The whole report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Digest of the plan.
    pub plan: String,
    /// The new base.
    pub run_image: String,
    /// Its digest.
    pub run_image_digest: String,
    /// Every apply and rollback.
    pub runs: Vec<RunLine>,
    /// Images by outcome.
    pub outcomes: BTreeMap<&'static str, usize>,
    /// Every image.
    pub images: Vec<ImageLine>,
}

/// An apply or a rollback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunLine {
    /// When it began.
    pub at: String,
    /// "apply" or "rollback".
    pub what: String,
    /// Who.
    pub who: String,
    /// `K/N`.
    pub shard: String,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageLine {
    /// `registry/repository`.
    pub repository: String,
    /// Tags.
    pub tags: Vec<String>,
    /// What became of it: "rebased", "rolled-back", "failed", "skipped", "begun", "waiting", or the verdict of the plan.
    pub outcome: &'static str,
    /// When.
    pub at: String,
    /// Old digest.
    pub old: String,
    /// New digest; empty when there is none.
    pub new: String,
    /// Old base.
    pub from: String,
    /// Why, or why not.
    pub why: String,
}

/// Puts plan and journals together.
pub fn report(plan: &Plan, state: &State) -> Report {
    let mut outcomes: BTreeMap<&'static str, usize> = BTreeMap::new();
    let images = plan
        .images
        .iter()
        .map(|image| {
            let known = state.images.get(&image.key());
            let outcome = match (image.verdict, known) {
                (Verdict::Rebase, known) => outcome(known),
                (verdict, _) => verdict.word(),
            };
            *outcomes.entry(outcome).or_default() += 1;
            let why = known.and_then(|known| known.why.clone());
            let new = known.and_then(|known| known.done.as_ref());
            ImageLine {
                repository: image.repository.clone(),
                tags: image.tags.clone(),
                outcome,
                at: known.map(|known| known.at.clone()).unwrap_or_default(),
                old: image.digest.clone(),
                new: new.map(|written| written.new.clone()).unwrap_or_default(),
                from: image.from.clone(),
                why: why.unwrap_or_else(|| image.why.clone()),
            }
        })
        .collect();
    let runs = state.runs.iter();
    Report {
        plan: plan.digest.clone(),
        run_image: plan.run_image.reference.clone(),
        run_image_digest: plan.run_image.digest.to_string(),
        runs: runs
            .map(|(at, what, who, shard)| RunLine {
                at: at.clone(),
                what: what.clone(),
                who: who.clone(),
                shard: shard.clone(),
            })
            .collect(),
        outcomes,
        images,
    }
}

fn outcome(known: Option<&ImageState>) -> &'static str {
    match known {
        None => "waiting",
        Some(state) if state.done.is_some() => "rebased",
        Some(state) if !state.rolled_back.is_empty() => "rolled-back",
        Some(state) if state.failed => "failed",
        Some(state) if state.why.is_some() => "skipped",
        Some(_) => "begun",
    }
}

impl Report {
    /// As text: totals, runs, and every image that is not as it should be.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "New base   {} ({})",
            self.run_image, self.run_image_digest
        );
        let _ = writeln!(out, "Plan       {}", self.plan);
        for run in &self.runs {
            let _ = writeln!(
                out,
                "Run        {} {} by {} (part {})",
                run.at, run.what, run.who, run.shard
            );
        }
        for (outcome, count) in &self.outcomes {
            let _ = writeln!(out, "  {outcome:<11} {count}");
        }
        let open = |image: &&ImageLine| !["rebased", "current"].contains(&image.outcome);
        for image in self.images.iter().filter(open) {
            let tags = image.tags.join(",");
            let _ = writeln!(
                out,
                "{:<11} {}:{tags}  {}",
                image.outcome, image.repository, image.why
            );
        }
        out
    }
}
