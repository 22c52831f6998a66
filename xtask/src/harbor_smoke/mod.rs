//! `cargo xtask harbor-smoke`: a real Harbor, step by step. `examples/harbor` says how to set one up.
//!
//! | variable | what |
//! |---|---|
//! | `HARBOR_HOST` | `host[:port]` |
//! | `HARBOR_PROJECT` | a project that may be written to; everything happens below its repository `wharf-smoke` |
//! | `HARBOR_ROBOT`, `HARBOR_PASSWORD` | a robot that may push, list, tag and delete there |
//! | `HARBOR_ADMIN`, `HARBOR_ADMIN_PASSWORD` | who may set the quota and rules; without them those steps are skipped |
//! | `HARBOR_INSECURE` | 1 for plain http or unverified TLS |
mod site;
mod steps;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result, bail};
use site::Site;

/// Where to go, and as whom.
#[derive(Clone)]
struct Settings {
    host: String,
    project: String,
    robot: (String, String),
    admin: Option<(String, String)>,
    insecure: bool,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

type Step = fn(&Site) -> Result<Outcome>;

const STEPS: [(&str, Step); 7] = [
    ("recognise", steps::recognise),
    ("push", steps::push),
    ("mount", steps::mount),
    ("quota", steps::quota),
    ("immutable tag", steps::immutable),
    ("prune", steps::prune),
    ("rebase", steps::rebase),
];

/// Runs the task.
pub(crate) fn run() -> Result<()> {
    let variable = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .with_context(|| format!("read {name}: it is not set; see examples/harbor/README.md"))
    };
    let settings = Settings {
        host: variable("HARBOR_HOST")?,
        project: variable("HARBOR_PROJECT")?,
        robot: (variable("HARBOR_ROBOT")?, variable("HARBOR_PASSWORD")?),
        admin: variable("HARBOR_ADMIN")
            .ok()
            .zip(variable("HARBOR_ADMIN_PASSWORD").ok()),
        insecure: variable("HARBOR_INSECURE").is_ok_and(|value| value == "1"),
    };
    let mut failed = 0;
    for (name, outcome) in smoke(&settings)? {
        match outcome {
            Outcome::Passed => println!("{name:14} passed"),
            Outcome::Skipped(why) => println!("{name:14} skipped: {why}"),
            Outcome::Failed(why) => {
                failed += 1;
                println!("{name:14} FAILED: {why}");
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} steps failed", STEPS.len());
    }
    Ok(())
}

/// All steps, then what they made is removed.
fn smoke(settings: &Settings) -> Result<Vec<(&'static str, Outcome)>> {
    let site = Site::open(settings)?;
    let outcomes = STEPS.map(|(name, step)| {
        let outcome = step(&site).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        (name, outcome)
    });
    site.clean().context("remove what was made")?;
    Ok(outcomes.to_vec())
}
