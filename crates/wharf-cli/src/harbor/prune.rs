//! `wharf prune`: shows what goes and what that frees, and lets it go.
use super::{
    arguments::PruneArguments,
    decide::{Fate, Rules, decide},
    inventory::{self, Item},
    target::Target,
    weight,
};
use crate::{
    arguments::CommonArguments,
    console::{self, Hint},
    fleet,
};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::{collections::HashSet, fs, io, path::Path};
use wharf_harbor::{Accessory, Harbor, HarborError, Known, error::HarborErrorKind};
use wharf_image::room::size;
use wharf_spec::{digest::Digest, reference::Reference};

/// What became of what was to go.
#[derive(Debug, Default)]
struct Outcome {
    deleted: Vec<Digest>,
    /// With the reasons.
    spared: Vec<(Digest, String)>,
    failed: Vec<(Digest, String)>,
}

/// Runs the command.
pub(crate) fn prune(common: &CommonArguments, arguments: &PruneArguments) -> Result<()> {
    let target = Target::parse(&arguments.target)?;
    let Some(project) = target.project.clone() else {
        let hint = Hint("write HOST/PROJECT or HOST/PROJECT/REPOSITORY".to_owned());
        return Err(anyhow!("prune '{}': it names no project", arguments.target).context(hint));
    };
    let rules = rules(&target, arguments)?;
    let (store, harbor) = target.connect(common)?;
    let items = inventory::read(store.as_ref(), &harbor, &project)?;
    let fates = decide(&items, &rules);
    let frees = frees(&items, &fates);
    if !arguments.json {
        show(&target, &items, &fates);
        console::line(sum(&harbor, &project, (&fates, frees), arguments.dry_run));
    }
    let outcome = if arguments.dry_run {
        Outcome::default()
    } else {
        delete(&harbor, &project, &items, &fates)
    };
    if arguments.json {
        let document = document(&target, (&items, &fates), frees, &outcome);
        console::line(serde_json::to_string_pretty(&document)?);
    } else {
        for (digest, why) in &outcome.spared {
            console::line(format_args!("Kept {digest}: {why}"));
        }
    }
    for (digest, why) in &outcome.failed {
        console::warn(format_args!("delete {digest}: {why}"));
    }
    if outcome.failed.is_empty() {
        return Ok(());
    }
    bail!(
        "prune '{}': {} image(s) could not be deleted",
        arguments.target,
        outcome.failed.len()
    )
}

fn rules(target: &Target, arguments: &PruneArguments) -> Result<Rules> {
    let mut in_use = HashSet::new();
    for file in &arguments.in_use {
        let text = if file == Path::new("-") {
            io::read_to_string(io::stdin())
        } else {
            fs::read_to_string(file)
        };
        let name = file.display();
        let text = text.with_context(|| format!("read images in use from '{name}'"))?;
        in_use.extend(digests(&text).with_context(|| format!("understand '{name}'"))?);
    }
    Ok(Rules {
        repository: target.repository.clone(),
        keep: arguments.keep,
        keep_tags: arguments.keep_tag.clone(),
        keep_digests: arguments.keep_digest.iter().copied().collect(),
        in_use,
        before: arguments.older_than.map(|age| fleet::clock::ago(age.0)),
    })
}

/// The digests in a list of images. What is named by its tag stays for its tag; a line that names nothing is an error,
/// since what it was meant to keep would go.
fn digests(text: &str) -> Result<Vec<Digest>> {
    let mut digests = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match line.find("sha256:") {
            Some(start) => {
                let digest = line[start..].get(..71).unwrap_or(&line[start..]);
                digests.push(digest.parse().with_context(|| format!("line {number}"))?);
            }
            None => {
                line.parse::<Reference>()
                    .with_context(|| format!("line {number}"))?;
            }
        }
    }
    Ok(digests)
}

/// Bytes that go with what goes; `None` when nobody can tell.
pub(super) fn frees(items: &[Item], fates: &[Fate]) -> Option<u64> {
    let with_fate = |goes: bool| {
        let pairs = items.iter().zip(fates);
        pairs
            .filter(move |(_, fate)| fate.goes() == goes)
            .map(|(item, _)| item)
    };
    weight::freed(with_fate(true), with_fate(false))
}

/// Every image that is in question, repository by repository.
fn show(target: &Target, items: &[Item], fates: &[Fate]) {
    let is_shown = |item: &Item| {
        let wanted = target.repository.as_ref();
        !item.is_part && wanted.is_none_or(|name| *name == item.repository)
    };
    let mut before = None;
    let mut pairs: Vec<_> = items
        .iter()
        .zip(fates)
        .filter(|(item, _)| is_shown(item))
        .collect();
    pairs.sort_by(|(one, _), (other, _)| {
        let order = one.repository.cmp(&other.repository);
        order.then_with(|| other.pushed.cmp(&one.pushed))
    });
    for (item, fate) in pairs {
        if before != Some(&item.repository) {
            console::line(&item.repository);
            before = Some(&item.repository);
        }
        let (verb, why) = match fate {
            Fate::Stays(why) => ("stays", why.clone()),
            Fate::Goes => ("goes", String::new()),
            Fate::GoesWith(owner) => ("goes", format!("with {owner}")),
        };
        let digest = item
            .digest
            .map_or_else(String::new, |digest| digest.to_string());
        let pushed = item.pushed.get(..16).unwrap_or_default();
        let line = format!(
            "  {verb:5}  {digest}  {pushed}  {:>10}  {why}",
            size(item.size)
        );
        console::line(line.trim_end());
    }
}

/// The last line: how many, and how much.
fn sum(
    harbor: &Harbor,
    project: &str,
    (fates, frees): (&[Fate], Option<u64>),
    dry_run: bool,
) -> String {
    let going = fates.iter().filter(|fate| fate.goes()).count();
    let frees = frees.map_or("an unknown number of bytes".to_owned(), size);
    let quota = match harbor.summary(project) {
        Ok(Known::Yes(summary)) => summary.quota,
        _ => Known::No(String::new()),
    };
    let of = quota.value().map_or(String::new(), |quota| {
        let limit = match quota.limit {
            wharf_harbor::Limit::Unlimited => "no limit".to_owned(),
            wharf_harbor::Limit::Bytes(limit) => format!("a limit of {}", size(limit)),
        };
        format!(" of {} in use ({limit})", size(quota.used))
    });
    let verb = if dry_run { "would free" } else { "free" };
    format!(
        "{going} image(s) to go {verb} {frees}{of}; {} stay",
        fates.len() - going
    )
}

/// Lets go what nothing holds; what goes along with it Harbor takes.
fn delete(harbor: &Harbor, project: &str, items: &[Item], fates: &[Fate]) -> Outcome {
    let mut outcome = Outcome::default();
    let own = items
        .iter()
        .zip(fates)
        .filter(|(_, fate)| **fate == Fate::Goes);
    for (item, _) in own {
        let Some(digest) = item.digest else { continue };
        match delete_one(
            harbor,
            (project, &item.repository),
            (digest, &item.accessories),
        ) {
            Ok(None) => outcome.deleted.push(digest),
            Ok(Some(why)) => outcome.spared.push((digest, why)),
            Err(error) => outcome
                .failed
                .push((digest, format!("{:#}", anyhow!(error)))),
        }
    }
    outcome
}

/// Looks once more, since deleting an artifact takes along its tags and what refers to it; `Some` is why it stays after all.
fn delete_one(
    harbor: &Harbor,
    place: (&str, &str),
    (digest, accessories): (Digest, &[Digest]),
) -> Result<Option<String>, HarborError> {
    match harbor.artifact(place, &digest.to_string())? {
        None => return Ok(Some("it was gone already".to_owned())),
        Some(artifact) => {
            if let Some(tag) = artifact.tags.first() {
                return Ok(Some(format!("it has got the tag {}", tag.name)));
            }
            let is_new = |one: &&Accessory| !accessories.contains(&one.digest);
            if let Some(new) = artifact.accessories.iter().find(is_new) {
                return Ok(Some(format!("{} has come to refer to it", new.digest)));
            }
        }
    }
    match harbor.delete_artifact(place, digest) {
        Ok(_) => Ok(None),
        Err(HarborError {
            kind: HarborErrorKind::Precondition { detail },
            ..
        }) => Ok(Some(detail)),
        Err(error) => Err(error),
    }
}

fn document(
    target: &Target,
    (items, fates): (&[Item], &[Fate]),
    frees: Option<u64>,
    outcome: &Outcome,
) -> Value {
    let images: Vec<Value> = items
        .iter()
        .zip(fates)
        .map(|(item, fate)| {
            let mut image = json!({
                "repository": item.repository, "digest": item.digest, "tags": item.tags,
                "pushed": item.pushed, "size": item.size, "goes": fate.goes(),
            });
            match fate {
                Fate::Stays(why) => image["why"] = why.clone().into(),
                Fate::GoesWith(owner) => image["with"] = owner.to_string().into(),
                Fate::Goes => {}
            }
            image
        })
        .collect();
    let reasons = |list: &[(Digest, String)]| -> Value {
        let list = list.iter();
        list.map(|(digest, why)| json!({"digest": digest, "why": why}))
            .collect()
    };
    json!({
        "host": target.host, "project": target.project, "repository": target.repository,
        "frees": frees, "images": images, "deleted": outcome.deleted,
        "spared": reasons(&outcome.spared), "failed": reasons(&outcome.failed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_in_use_are_read_from_whatever_a_cluster_prints() {
        let own = "a".repeat(64);
        let text = format!(
            "# running\nh.example/team/app@sha256:{own}\n\ndocker-pullable://h.example/team/app@sha256:{own}  # pod\nsha256:{own}\nh.example/team/app:latest\n"
        );
        let digest: Digest = format!("sha256:{own}").parse().unwrap();
        assert_eq!(digests(&text).unwrap(), [digest; 3]);
        let wrong = digests("h.example/team/app:latest\nsha256:abc\n").unwrap_err();
        assert_eq!(wrong.to_string(), "line 2");
        assert!(digests("Not An Image\n").is_err());
    }
}
