//! `wharf rebase rollback` and `report`.
use super::{
    arguments::{ReportArguments, RollbackArguments},
    clock::{self, SystemClock},
    exit::Ended,
    place,
};
use crate::{arguments::CommonArguments, console, environment};
use anyhow::Result;
use std::sync::atomic::Ordering;
use wharf_fleet::{
    Journal,
    journal::{self, Shard},
    metrics, report as fleet,
    rollback::{RollbackMeans, RollbackOptions, TagOutcome, rollback as roll_back},
};

/// Puts old images back.
pub(crate) fn rollback(common: &CommonArguments, arguments: &RollbackArguments) -> Result<()> {
    let interrupted = clock::interrupted();
    let plan = place::read_plan(&arguments.file)?;
    let place = place::place_of(common, &arguments.file, &plan)?;
    let stem = place::journal_path(&arguments.file);
    let (journal, before) = if arguments.dry_run {
        (None, journal::read_all(&stem, &plan.digest)?)
    } else {
        let (journal, before) = Journal::open(&stem, Shard::WHOLE, &plan.digest)?;
        (Some(journal), before)
    };
    let options = RollbackOptions {
        who: arguments
            .who
            .clone()
            .or_else(|| environment::text("USER"))
            .unwrap_or_default(),
        only: arguments.only.clone(),
        dry_run: arguments.dry_run,
    };
    let means = RollbackMeans {
        store: &place.store,
        before: &before,
        journal: journal.as_ref(),
        clock: &SystemClock,
        interrupted: &interrupted,
    };
    let mut is_partial = false;
    roll_back(&plan.digest, &options, means, &mut |tag, outcome| {
        let text = match outcome {
            TagOutcome::Back => "has the old image again",
            TagOutcome::WouldBe => "would get the old image again",
            TagOutcome::WasOld => "has the old image",
            TagOutcome::Moved(why) | TagOutcome::Failed(why) => {
                is_partial = true;
                why
            }
        };
        console::line(format_args!("{tag}  {text}"));
    })?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(Ended::Interrupted.into());
    }
    if is_partial {
        return Err(Ended::Partly.into());
    }
    Ok(())
}

/// Says who did what.
pub(crate) fn report(arguments: &ReportArguments) -> Result<()> {
    let plan = place::read_plan(&arguments.file)?;
    let stem = place::journal_path(&arguments.file);
    let state = journal::read_all(&stem, &plan.digest)?;
    let report = fleet::report(&plan, &state);
    if let Some(path) = &arguments.metrics {
        place::write(path, &metrics::of_report(&report))?;
    }
    if arguments.json {
        console::line(serde_json::to_string_pretty(&report)?);
    } else {
        console::line(report.table().trim_end());
    }
    Ok(())
}
