//! `wharf quota`: limits and use, by project or by repository.
use super::{
    arguments::QuotaArguments,
    decide::{Fate, Rules, decide},
    inventory::{self, Item},
    prune::frees,
    target::Target,
    weight,
};
use crate::{arguments::CommonArguments, console};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use wharf_harbor::{Harbor, Known, Limit, Quota};
use wharf_image::{ImageStore, room::size};

/// Builds over which growth is told.
const BUILDS: usize = 10;

/// A project.
#[derive(Debug, Serialize)]
struct ProjectUse {
    project: String,
    /// Bytes; none when there is no limit or it is unknown.
    limit: Option<u64>,
    unlimited: bool,
    used: Option<u64>,
    /// Why limit and use are unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repositories: Vec<RepositoryUse>,
    /// What goes when everything without a tag goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded: Option<u64>,
}

/// A repository.
#[derive(Debug, Serialize)]
struct RepositoryUse {
    repository: String,
    images: usize,
    untagged: usize,
    /// Bytes of its blobs, each once.
    size: u64,
    /// Bytes of blobs that no other repository of the project has.
    own: Option<u64>,
    /// What goes when what has no tag here goes.
    superseded: Option<u64>,
    /// Bytes a build added, on average of the last ten.
    growth: Option<u64>,
}

/// Runs the command.
pub(crate) fn quota(common: &CommonArguments, arguments: &QuotaArguments) -> Result<()> {
    let target = Target::parse(&arguments.target)?;
    let (store, harbor) = target.connect(common)?;
    let projects = match &target.project {
        Some(project) => {
            let items = inventory::read(store.as_ref() as &dyn ImageStore, &harbor, project)?;
            let mut found = of_project(&harbor, project)?;
            // Entries of indices and what refers to images stay and go with them.
            let fates = decide(&items, &Rules::default());
            found.superseded = frees(&items, &fates);
            found.repositories = repositories(&items, &fates);
            vec![found]
        }
        None => all(&harbor)?,
    };
    if arguments.json {
        console::line(serde_json::to_string_pretty(&projects)?);
        return Ok(());
    }
    for project in &projects {
        show(project);
    }
    Ok(())
}

/// The quotas of all projects: in one list for administrators, project by project for others.
fn all(harbor: &Harbor) -> Result<Vec<ProjectUse>> {
    if let Known::Yes(quotas) = harbor.quotas()? {
        let named = quotas
            .into_iter()
            .filter_map(|quota| Some((quota.project?, quota.quota)));
        let known = named.map(|(project, quota)| {
            let unknown = || Known::No("it has no quota of storage".to_owned());
            described(&project, quota.map_or_else(unknown, Known::Yes))
        });
        return Ok(known.collect());
    }
    let mut found = Vec::new();
    for project in harbor.projects().flatten_items() {
        found.push(of_project(harbor, &project?.name)?);
    }
    Ok(found)
}

fn of_project(harbor: &Harbor, project: &str) -> Result<ProjectUse> {
    let quota = match harbor.summary(project)? {
        Known::Yes(summary) => summary.quota,
        Known::No(why) => Known::No(why),
    };
    Ok(described(project, quota))
}

fn described(project: &str, quota: Known<Quota>) -> ProjectUse {
    let mut found = ProjectUse {
        project: project.to_owned(),
        limit: None,
        unlimited: false,
        used: None,
        unknown: None,
        repositories: Vec::new(),
        superseded: None,
    };
    match quota {
        Known::No(why) => found.unknown = Some(why),
        Known::Yes(Quota { limit, used }) => {
            found.used = Some(used);
            match limit {
                Limit::Unlimited => found.unlimited = true,
                Limit::Bytes(bytes) => found.limit = Some(bytes),
            }
        }
    }
    found
}

/// Each repository of a project. `fates` says what goes when everything without a tag goes.
fn repositories(items: &[Item], fates: &[Fate]) -> Vec<RepositoryUse> {
    let goes: Vec<bool> = fates.iter().map(Fate::goes).collect();
    let shares = weight::shares(items, &goes);
    let mut by_name: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in items {
        by_name.entry(&item.repository).or_default().push(item);
    }
    by_name
        .into_iter()
        .map(|(name, mut own)| {
            let share = shares
                .as_ref()
                .map(|shares| shares.get(name).copied().unwrap_or_default());
            let images = own.iter().filter(|item| !item.is_part);
            let untagged = images.clone().filter(|item| item.tags.is_empty()).count();
            let images = images.count();
            // Lists begin with the newest; what was pushed within one second keeps that order turned round.
            own.reverse();
            own.sort_by(|one, other| one.pushed.cmp(&other.pushed));
            RepositoryUse {
                repository: name.to_owned(),
                images,
                untagged,
                size: weight::union(own.iter().copied()),
                own: share.map(|share| share.own),
                superseded: share.map(|share| share.going),
                growth: growth(&own),
            }
        })
        .collect()
}

/// What a build added on average; the first one brings everything and is left out. `own` is the oldest first.
fn growth(own: &[&Item]) -> Option<u64> {
    let added = weight::added(own.iter().copied());
    let builds: Vec<u64> = own
        .iter()
        .zip(added)
        .filter(|(item, _)| !item.is_part)
        .map(|(_, added)| added)
        .skip(1)
        .collect();
    let last = &builds[builds.len().saturating_sub(BUILDS)..];
    let count = u64::try_from(last.len()).ok()?;
    last.iter().sum::<u64>().checked_div(count)
}

fn show(project: &ProjectUse) {
    let used = project.used.map_or("?".to_owned(), size);
    let limit = match project.limit {
        Some(limit) => size(limit),
        None if project.unlimited => "no limit".to_owned(),
        None => "?".to_owned(),
    };
    console::line(format_args!("{}  {used} of {limit}", project.project));
    if let Some(why) = &project.unknown {
        console::line(format_args!("  unknown: {why}"));
    }
    if project.repositories.is_empty() {
        return;
    }
    let told = |bytes: Option<u64>| bytes.map_or("?".to_owned(), size);
    console::line(format_args!(
        "  {:30} {:>7} {:>8} {:>10} {:>10} {:>10} {:>10}",
        "REPOSITORY", "IMAGES", "UNTAGGED", "SIZE", "OWN", "SUPERSEDED", "PER BUILD"
    ));
    for one in &project.repositories {
        console::line(format_args!(
            "  {:30} {:>7} {:>8} {:>10} {:>10} {:>10} {:>10}",
            one.repository,
            one.images,
            one.untagged,
            size(one.size),
            told(one.own),
            told(one.superseded),
            one.growth.map_or("-".to_owned(), size)
        ));
    }
    console::line(format_args!(
        "  {} go with what has no tag",
        told(project.superseded)
    ));
}
