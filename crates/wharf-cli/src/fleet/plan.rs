//! `wharf rebase plan` and `status`.
use super::{
    arguments::{FleetArguments, OrderName, PlanArguments, StatusArguments},
    exit::Ended,
    place::{self, Place},
};
use crate::{arguments::CommonArguments, console, policy};
use anyhow::Result;
use wharf_fleet::{
    Plan, PlanOptions, Verdict, metrics,
    plan::{Order, OrderBy, html, make, table},
};

/// Makes a plan, shows and writes it.
pub(crate) fn plan(common: &CommonArguments, arguments: &PlanArguments) -> Result<()> {
    let order = Order {
        first: arguments.first.clone(),
        by: match arguments.order {
            OrderName::Pulled => OrderBy::Pulled,
            OrderName::Pushed => OrderBy::Pushed,
            OrderName::Name => OrderBy::Name,
        },
    };
    let plan = measure(common, &arguments.fleet, (order, arguments.made.clone()))?;
    if let Some(path) = &arguments.out {
        place::write(path, &plan.to_json()?)?;
    }
    if let Some(path) = &arguments.html {
        place::write(path, &html::page(&plan))?;
    }
    show(&plan, &arguments.fleet, arguments.show)
}

/// Measures the fleet; the status is that of images on old bases.
pub(crate) fn status(common: &CommonArguments, arguments: &StatusArguments) -> Result<()> {
    let plan = measure(common, &arguments.fleet, (Order::default(), None))?;
    show(&plan, &arguments.fleet, 0)?;
    let is_old = |verdict: Verdict| {
        let old = [Verdict::Rebase, Verdict::Rebuild, Verdict::Forbidden];
        old.contains(&verdict)
    };
    if plan.images.iter().any(|image| is_old(image.verdict)) {
        return Err(Ended::OldBases.into());
    }
    Ok(())
}

fn measure(
    common: &CommonArguments,
    arguments: &FleetArguments,
    (order, made): (Order, Option<String>),
) -> Result<Plan> {
    let (place, names) = Place::for_sources(common, arguments)?;
    let base = place.base(&arguments.run_image)?;
    let from = place.old_bases(&arguments.from);
    let policy = policy::read(arguments.policy.as_deref())?;
    let sources = place.sources(arguments, names)?;
    let sources: Vec<_> = sources.iter().map(AsRef::as_ref).collect();
    let options = PlanOptions {
        only: arguments.only.clone(),
        tags: arguments.tag.clone(),
        except: arguments.except_tag.clone(),
        untagged: arguments.untagged,
        order,
        made,
    };
    Ok(make(&sources, &base, &from, &policy, &options)?)
}

fn show(plan: &Plan, arguments: &FleetArguments, limit: usize) -> Result<()> {
    if let Some(path) = &arguments.metrics {
        place::write(path, &metrics::of_plan(plan))?;
    }
    let text = if arguments.json {
        plan.to_json()?
    } else {
        table::table(plan, limit)
    };
    console::line(text.trim_end());
    Ok(())
}
