//! Makes a plan of what sources list.
use super::{
    BaseImage, Plan, PlanError, PlanOptions, PlannedImage, Project, RunImage, SCHEMA, Totals,
    VERSION, order,
};
use crate::{
    base::NewBase,
    candidate::{Candidate, Content, Quota, Source, project_of, registry_of},
    policy::Policy,
    verdict::{Judged, OldBases, Verdict, judge},
};
use std::collections::{BTreeMap, BTreeSet};
use wharf_spec::digest::Digest;

/// Room for config and manifest of a new image, at most; metadata labels are tens of kilobytes.
const DOCUMENTS: u64 = 128 << 10;

/// Judges everything the sources list. The same state gives the same plan.
pub fn make(
    sources: &[&dyn Source],
    base: &NewBase,
    from: &OldBases,
    policy: &Policy,
    options: &PlanOptions,
) -> Result<Plan, PlanError> {
    policy.check_run_image(&base.reference, base.digest)?;
    let mut collected = Collected::new(base);
    for source in sources {
        source.list(&mut |mut candidate| {
            if is_wanted(&mut candidate, options) {
                collected.take(&candidate, judged(&candidate, base, from, policy));
            }
        })?;
    }
    let mut images = collected.images;
    order::sort(&mut images, &options.order);
    // The same image may come from two sources.
    let mut seen = BTreeSet::new();
    images.retain(|image| image.digest.is_empty() || seen.insert(image.key()));
    let quota = |project: &str| sources.iter().find_map(|source| source.quota(project));
    let projects = projects(&collected.needs, &images, &quota);
    let mut plan = Plan {
        schema: SCHEMA.into(),
        version: VERSION,
        made: options.made.clone(),
        run_image: run_image(base),
        from: from
            .known
            .iter()
            .map(|old| old.reference.to_string())
            .collect(),
        totals: totals(&images, &projects),
        projects,
        images,
        digest: String::new(),
    };
    plan.seal()?;
    Ok(plan)
}

/// Keeps the tags that are looked at; false when nothing is left.
fn is_wanted(candidate: &mut Candidate, options: &PlanOptions) -> bool {
    let matches = |patterns: &[crate::Pattern], name: &str| {
        patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name))
    };
    if !matches(&options.only, &candidate.repository) {
        return false;
    }
    candidate
        .tags
        .retain(|tag| !options.except.iter().any(|except| except.matches(tag)));
    let is_image = !matches!(candidate.content, Content::Unreadable { .. });
    if candidate.tags.is_empty() && is_image && !options.untagged {
        return false;
    }
    candidate.tags.sort();
    candidate.tags.dedup();
    if options.tags.is_empty() {
        return true;
    }
    candidate.tags.retain(|tag| matches(&options.tags, tag));
    !candidate.tags.is_empty()
}

fn judged(candidate: &Candidate, base: &NewBase, from: &OldBases, policy: &Policy) -> Judged {
    let judged = judge(candidate, base, from);
    let project = project_of(&candidate.repository);
    if judged.verdict == Verdict::Rebase && !policy.allows_project(project) {
        return Judged {
            verdict: Verdict::Forbidden,
            why: format!("the policy does not allow changes in {project}"),
            ..judged
        };
    }
    judged
}

/// What is known so far; of each image only what the plan holds.
struct Collected<'a> {
    base: &'a NewBase,
    sizes: BTreeMap<Digest, u64>,
    images: Vec<PlannedImage>,
    /// Layers of the new base by project that gets them.
    needs: BTreeMap<String, BTreeMap<Digest, u64>>,
}

impl<'a> Collected<'a> {
    fn new(base: &'a NewBase) -> Self {
        Self {
            base,
            sizes: base.layers(),
            images: Vec::new(),
            needs: BTreeMap::new(),
        }
    }

    fn take(&mut self, candidate: &Candidate, judged: Judged) {
        let is_near = registry_of(&candidate.repository) == self.base.reference.registry();
        let size = |digest: &Digest| self.sizes.get(digest).copied().unwrap_or(0);
        let is_rebase = judged.verdict == Verdict::Rebase;
        let bytes: u64 = judged.new_layers.iter().map(size).sum();
        if is_rebase {
            let project = project_of(&candidate.repository).to_owned();
            let layers = judged.new_layers.iter().map(|layer| (*layer, size(layer)));
            self.needs.entry(project).or_default().extend(layers);
        }
        let digest = candidate.digest.map(|digest| digest.to_string());
        self.images.push(PlannedImage {
            repository: candidate.repository.clone(),
            digest: digest.unwrap_or_default(),
            tags: candidate.tags.clone(),
            verdict: judged.verdict,
            why: judged.why,
            from: judged.from,
            new_layers: if is_rebase {
                judged.new_layers.len()
            } else {
                0
            },
            copy_bytes: if is_rebase && !is_near { bytes } else { 0 },
            pushed: candidate.pushed.clone(),
            pulled: candidate.pulled.clone(),
        });
    }
}

fn run_image(base: &NewBase) -> RunImage {
    let platforms = base.images.iter().map(|image| {
        let top_layer = image.top_layer().map(|layer| layer.to_string());
        let sizes = image.layers().iter().map(|layer| layer.descriptor.size);
        BaseImage {
            digest: image.digest(),
            top_layer: top_layer.unwrap_or_default(),
            layers: image.layers().len(),
            bytes: sizes.sum(),
        }
    });
    let names = base.images.iter().map(|image| image.platform().to_string());
    RunImage {
        reference: base.reference.to_string(),
        digest: base.digest,
        platforms: names.zip(platforms).collect(),
    }
}

fn projects(
    needs: &BTreeMap<String, BTreeMap<Digest, u64>>,
    images: &[PlannedImage],
    quota: &dyn Fn(&str) -> Option<Quota>,
) -> Vec<Project> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for image in images {
        let count = counts.entry(project_of(&image.repository)).or_default();
        *count += usize::from(image.verdict == Verdict::Rebase);
    }
    counts
        .into_iter()
        .map(|(name, rebase)| {
            let layers = needs.get(name).into_iter().flat_map(BTreeMap::values);
            let needs_bytes = layers.sum::<u64>() + DOCUMENTS * rebase as u64;
            let needs_bytes = if rebase == 0 { 0 } else { needs_bytes };
            let quota = quota(name);
            let limit = quota.and_then(|quota| quota.limit);
            let used = quota.map(|quota| quota.used);
            Project {
                name: name.to_owned(),
                rebase,
                needs_bytes,
                used_bytes: used,
                limit_bytes: limit,
                fits: limit.is_none_or(|limit| used.unwrap_or(0) + needs_bytes <= limit),
            }
        })
        .collect()
}

pub(crate) fn totals(images: &[PlannedImage], projects: &[Project]) -> Totals {
    let mut totals = Totals {
        images: images.len(),
        quota_bytes: projects.iter().map(|project| project.needs_bytes).sum(),
        ..Totals::default()
    };
    for image in images {
        totals.tags += image.tags.len();
        *totals.verdicts.entry(image.verdict).or_default() += 1;
        totals.copy_bytes += image.copy_bytes;
        if image.copy_bytes == 0 {
            totals.mounts += image.new_layers;
        }
    }
    totals
}
