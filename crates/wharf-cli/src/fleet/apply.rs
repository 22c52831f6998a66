//! `wharf rebase apply`.
use super::{
    arguments::{ApplyArguments, CanaryName},
    clock::{self, SystemClock},
    exit::Ended,
    place,
};
use crate::{arguments::CommonArguments, console, environment, policy};
use anyhow::{Result, anyhow};
use serde_json::json;
use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use wharf_fleet::{
    Applied, ApplyOptions, Clock, Journal, NewBase, Outcome, Plan, apply as fleet,
    apply::{Canary, End, Means, Progress, Verifier},
    journal::{self, Shard},
    metrics,
};
use wharf_spec::reference::Reference;

/// What apply came to, by word.
const WORDS: [&str; 6] = [
    "rebased",
    "done before",
    "would be rebased",
    "skipped",
    "failed",
    "not begun",
];

/// Runs the command.
pub(crate) fn apply(common: &CommonArguments, arguments: &ApplyArguments) -> Result<()> {
    let interrupted = clock::interrupted();
    let plan = place::read_plan(&arguments.file)?;
    let run_image: Reference = plan.run_image.reference.parse()?;
    let policy = policy::read(arguments.policy.as_deref())?;
    policy.check_run_image(&run_image, plan.run_image.digest)?;
    for project in plan.projects.iter().filter(|project| project.rebase > 0) {
        if !policy.allows_project(&project.name) {
            return Err(anyhow!(
                "apply the plan: the policy does not allow changes in {}",
                project.name
            ));
        }
    }
    let place = place::place_of(common, &arguments.file, &plan)?;
    let base = base(&place, &plan, &run_image)?;
    let options = options(arguments);
    let stem = place::journal_path(&arguments.file);
    let (journal, before) = if arguments.dry_run {
        (None, journal::read_all(&stem, &plan.digest)?)
    } else {
        let (journal, before) = Journal::open(&stem, options.shard, &plan.digest)?;
        (Some(journal), before)
    };
    let started = Instant::now();
    let applied = fleet(
        &plan,
        &options,
        Means {
            store: &place.store,
            base: &base,
            before: &before,
            journal: journal.as_ref(),
            clock: &SystemClock,
            verifier: &CommandVerifier(arguments.verify_command.clone()),
            progress: &Lines {
                json: arguments.json,
            },
            interrupted: &interrupted,
        },
    )?;
    if let Some(path) = &arguments.metrics {
        let text = metrics::of_apply(&applied.counts, started.elapsed().as_millis());
        place::write(path, &text)?;
    }
    summary(&applied, arguments.json);
    end(&applied)
}

/// The new base as it was when the plan was made, whatever its tag stands for now.
fn base(place: &place::Place, plan: &Plan, run_image: &Reference) -> Result<NewBase> {
    let pinned = run_image.with_digest(plan.run_image.digest);
    let base = place.base(&pinned)?;
    Ok(NewBase {
        reference: run_image.clone(),
        ..base
    })
}

fn options(arguments: &ApplyArguments) -> ApplyOptions {
    let today = SystemClock.now();
    let today = today.split('T').next().unwrap_or_default();
    ApplyOptions {
        who: arguments
            .who
            .clone()
            .or_else(|| environment::text("USER"))
            .unwrap_or_default(),
        shard: arguments.shard.unwrap_or(Shard::WHOLE),
        only: arguments.only.clone(),
        canary: arguments.canary.as_ref().map(|canary| match canary {
            CanaryName::First(count) => Canary::First(*count),
            CanaryName::Matching(pattern) => Canary::Matching(pattern.clone()),
        }),
        per_registry: arguments.parallel,
        per_project: arguments.per_project,
        per_second: arguments.rate,
        max_failures: arguments.max_failures,
        keep_tag: arguments
            .keep_tag
            .as_ref()
            .map(|tag| tag.replace("{date}", today)),
        dry_run: arguments.dry_run,
        attempts: arguments.attempts,
        first_wait: Duration::from_secs(1),
    }
}

fn summary(applied: &Applied, json: bool) {
    if json {
        let counts = json!(applied.counts);
        console::line(json!({ "event": "summary", "counts": counts }));
        return;
    }
    let counts: Vec<String> = WORDS
        .iter()
        .filter(|word| applied.count(word) > 0)
        .map(|word| format!("{} {word}", applied.count(word)))
        .collect();
    let counts = if counts.is_empty() {
        "nothing to do".to_owned()
    } else {
        counts.join(", ")
    };
    console::line(format_args!("Done       {counts}"));
}

fn end(applied: &Applied) -> Result<()> {
    let is_partial = applied.count("failed") + applied.count("skipped") > 0;
    match applied.end {
        End::Complete if is_partial => Err(Ended::Partly.into()),
        End::Complete => Ok(()),
        End::CanaryRejected => Err(Ended::CanaryRejected.into()),
        End::TooManyFailures => Err(Ended::TooManyFailures.into()),
        End::Interrupted => Err(Ended::Interrupted.into()),
    }
}

/// Runs a command for each canary, with its reference as the last argument.
struct CommandVerifier(Option<String>);

impl Verifier for CommandVerifier {
    fn verify(&self, reference: &str) -> Result<(), String> {
        let Some(command) = &self.0 else {
            return Ok(());
        };
        let status = Command::new("/bin/sh")
            .args(["-c", &format!("{command} \"$1\""), "verify", reference])
            .stdin(Stdio::null())
            .status()
            .map_err(|error| format!("run '{command}': {error}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("'{command}' ended with {status}"))
        }
    }
}

/// Lines for people, or JSON for machines.
struct Lines {
    json: bool,
}

impl Progress for Lines {
    fn ended(&self, image: &str, outcome: &Outcome, (done, all): (usize, usize)) {
        let word = outcome.word();
        let detail = match outcome {
            Outcome::Rebased { new, .. }
            | Outcome::DoneBefore { new }
            | Outcome::WouldBe { new } => new,
            Outcome::Skipped { why } | Outcome::Failed { why, .. } => why,
        };
        if self.json {
            console::line(json!({
                "event": "image", "image": image, "outcome": word, "detail": detail,
                "done": done, "all": all,
            }));
        } else {
            console::line(format_args!("[{done}/{all}] {word:<11} {image}  {detail}"));
        }
    }

    fn pauses(&self, registry: &str, wait: Duration, why: &str) {
        let seconds = wait.as_secs_f64();
        if self.json {
            console::line(json!({
                "event": "pause", "registry": registry, "seconds": seconds, "why": why,
            }));
        } else {
            console::warn(format_args!(
                "{registry} is left alone for {seconds:.1} s: {why}"
            ));
        }
    }

    fn verified(&self, image: &str, result: &Result<(), String>) {
        let (accepted, why) = match result {
            Ok(()) => (true, "does its work"),
            Err(why) => (false, why.as_str()),
        };
        if self.json {
            console::line(json!({
                "event": "canary", "image": image, "accepted": accepted, "why": why,
            }));
        } else {
            console::line(format_args!("Canary     {image}  {why}"));
        }
    }
}
