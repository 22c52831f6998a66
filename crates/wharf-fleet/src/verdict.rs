//! What becomes of an image, and why.
use crate::{
    base::NewBase,
    candidate::{Candidate, Content, Facts},
};
use serde::{Deserialize, Serialize};
use std::fmt;
use wharf_image::{Platform, TagRace};
use wharf_rebase::{Problem, RebaseInputs, check, labels};
use wharf_spec::{
    api::PlatformApi, digest::Digest, labels::lifecycle::LifecycleMetadata, reference::Reference,
};

/// What becomes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is put on the new base.
    Rebase,
    /// It stands there already.
    Current,
    /// The new base does not fit; the app must be built anew.
    Rebuild,
    /// It stands on a base that was not asked for.
    OtherBase,
    /// A policy does not allow it.
    Forbidden,
    /// No tag leads to it, so nobody would see the result.
    Untagged,
    /// No lifecycle made it.
    Foreign,
    /// It cannot be read.
    Unreadable,
}

impl Verdict {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Rebase,
        Self::Current,
        Self::Rebuild,
        Self::OtherBase,
        Self::Forbidden,
        Self::Untagged,
        Self::Foreign,
        Self::Unreadable,
    ];

    /// Its word in plans.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rebase => "rebase",
            Self::Current => "current",
            Self::Rebuild => "rebuild",
            Self::OtherBase => "other-base",
            Self::Forbidden => "forbidden",
            Self::Untagged => "untagged",
            Self::Foreign => "foreign",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, for people.
    pub why: String,
    /// The base it stands on, as its metadata name it; empty when unknown.
    pub from: String,
    /// Layers that are replaced or added: those of the new base that the image does not have, as far as is known.
    pub new_layers: Vec<Digest>,
}

impl Judged {
    fn new(verdict: Verdict, why: impl Into<String>) -> Self {
        Self {
            verdict,
            why: why.into(),
            from: String::new(),
            new_layers: Vec::new(),
        }
    }

    fn on(mut self, from: &str) -> Self {
        from.clone_into(&mut self.from);
        self
    }
}

/// The bases that are replaced; empty means all.
#[derive(Debug, Clone, Default)]
pub struct OldBases {
    /// References as they were given, with what they stand for where that could be read: digests of manifests and
    /// diff IDs of uppermost layers.
    pub known: Vec<OldBase>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct OldBase {
    /// The name.
    pub reference: Reference,
    /// Digests of its images.
    pub digests: Vec<Digest>,
    /// Diff IDs of their uppermost layers.
    pub top_layers: Vec<Digest>,
    /// Digests of all their layers.
    pub layers: Vec<Digest>,
}

impl OldBases {
    /// Whether an image with this metadata stands on one of them.
    fn contain(&self, metadata: &LifecycleMetadata) -> bool {
        let run_image = &metadata.run_image;
        let named = run_image.reference.parse::<Reference>().ok();
        let digest = named.as_ref().and_then(Reference::digest);
        let top_layer = run_image.top_layer.parse::<Digest>().ok();
        self.known.is_empty()
            || self.known.iter().any(|old| {
                digest.is_some_and(|digest| old.digests.contains(&digest))
                    || top_layer.is_some_and(|layer| old.top_layers.contains(&layer))
                    || (old.digests.is_empty() && named.as_ref() == Some(&old.reference))
            })
    }

    /// Layers of the old base with this uppermost layer.
    fn layers(&self, top_layer: &str) -> &[Digest] {
        let top_layer = top_layer.parse::<Digest>().ok();
        let old = self
            .known
            .iter()
            .find(|old| top_layer.is_some_and(|layer| old.top_layers.contains(&layer)));
        old.map_or(&[], |old| &old.layers)
    }
}

/// Judges a candidate by what it says of itself.
pub fn judge(candidate: &Candidate, base: &NewBase, from: &OldBases) -> Judged {
    let judged = match &candidate.content {
        Content::Unreadable { why } => return Judged::new(Verdict::Unreadable, why.clone()),
        Content::Artifact => Judged::new(Verdict::Foreign, "it is an artifact, not an image"),
        Content::Image(facts) => judge_image(facts, base, from),
        Content::Index(images) => judge_index(images, base, from),
    };
    if judged.verdict == Verdict::Rebase && candidate.tags.is_empty() {
        let why = "no tag leads to it; whoever pinned its digest has to choose a new one";
        return Judged {
            verdict: Verdict::Untagged,
            why: why.into(),
            ..judged
        };
    }
    judged
}

/// The best of the verdicts on its images; the others are said.
fn judge_index(images: &[Facts], base: &NewBase, from: &OldBases) -> Judged {
    let mut verdicts: Vec<(String, Judged)> = images
        .iter()
        .map(|facts| (facts.platform.to_string(), judge_image(facts, base, from)))
        .collect();
    verdicts.sort_by_key(|(_, judged)| judged.verdict);
    let Some((_, first)) = verdicts.first().cloned() else {
        return Judged::new(Verdict::Foreign, "it is an index without images");
    };
    let why: Vec<String> = verdicts
        .iter()
        .map(|(platform, judged)| format!("{platform}: {}", judged.why))
        .collect();
    let mut new_layers: Vec<Digest> = verdicts
        .into_iter()
        .flat_map(|(_, judged)| judged.new_layers)
        .collect();
    new_layers.sort();
    new_layers.dedup();
    Judged {
        why: why.join("; "),
        new_layers,
        ..first
    }
}

fn judge_image(facts: &Facts, base: &NewBase, from: &OldBases) -> Judged {
    let metadata = match labels::read(facts) {
        Ok(metadata) => metadata,
        Err(wharf_rebase::error::MetadataError::Missing) => {
            return Judged::new(Verdict::Foreign, "no lifecycle made it: it has no metadata");
        }
        Err(error) => return Judged::new(Verdict::Rebuild, format!("its metadata: {error}")),
    };
    let old = &metadata.run_image;
    if old.top_layer.is_empty() {
        let why = "its metadata do not say where its run image ends";
        return Judged::new(Verdict::Rebuild, why);
    }
    let Some(image) = base.for_platform(&facts.platform) else {
        let why = format!("the new run image has none for {}", facts.platform);
        return Judged::new(Verdict::Rebuild, why).on(&old.reference);
    };
    if is_current(facts, &metadata, base, image) {
        return Judged::new(Verdict::Current, "it stands on the new base").on(&old.reference);
    }
    if !from.contain(&metadata) {
        let why = format!("it stands on {}", name(&old.reference));
        return Judged::new(Verdict::OtherBase, why).on(&old.reference);
    }
    let problems: Vec<String> = problems(facts, &metadata, base, image)
        .iter()
        .map(describe)
        .collect();
    if !problems.is_empty() {
        return Judged::new(Verdict::Rebuild, problems.join("; ")).on(&old.reference);
    }
    let new_layers = new_layers(facts, image, from.layers(&old.top_layer));
    let most = if facts.layers.is_some() {
        ""
    } else {
        "at most "
    };
    let why = format!(
        "from {} to {}: {most}{} of {} base layers are new to it",
        name(&old.reference),
        image.digest(),
        new_layers.len(),
        image.layers().len(),
    );
    Judged {
        new_layers,
        ..Judged::new(Verdict::Rebase, why).on(&old.reference)
    }
}

/// Whether the image stands on the new base. That the uppermost layers are equal does not say so: the fix may be below.
fn is_current(
    facts: &Facts,
    metadata: &LifecycleMetadata,
    base: &NewBase,
    image: &wharf_image::Image,
) -> bool {
    let old = &metadata.run_image;
    if image.top_layer().map(|layer| layer.to_string()).as_deref() != Some(&*old.top_layer) {
        return false;
    }
    let named = old.reference.parse::<Reference>().ok();
    let digest = named.as_ref().and_then(Reference::digest);
    if digest.is_some_and(|digest| digest == image.digest() || digest == base.digest) {
        return true;
    }
    // A copy of the base may have another digest.
    let of_base = image.layers().iter().map(|layer| layer.descriptor.digest);
    facts.layers.as_ref().is_some_and(|layers| {
        of_base.eq(layers
            .iter()
            .take(image.layers().len())
            .map(|(digest, _)| *digest))
    })
}

fn name(reference: &str) -> &str {
    if reference.is_empty() {
        "a base without a name"
    } else {
        reference
    }
}

fn problems(
    facts: &Facts,
    metadata: &LifecycleMetadata,
    base: &NewBase,
    image: &wharf_image::Image,
) -> Vec<Problem> {
    let inputs = inputs(&base.reference, &base.reference, &facts.platform);
    let mut problems = check(&inputs, facts, metadata, (&base.reference, image));
    problems.retain(|problem| match problem {
        Problem::Target { what, .. } => facts.knows_variant || *what != "architecture variant",
        _ => true,
    });
    problems
}

/// The inputs of a rebase of `app` onto `base`.
pub(crate) fn inputs(app: &Reference, base: &Reference, platform: &Platform) -> RebaseInputs {
    RebaseInputs {
        app_image: app.clone(),
        outputs: vec![app.clone()],
        run_image: Some(base.clone()),
        force: false,
        // Tags are looked at by who writes them.
        tag_race: TagRace::Off,
        platform: platform.clone(),
        features: PlatformApi::LATEST.features(),
    }
}

/// Without the advice for a single rebase.
fn describe(problem: &Problem) -> String {
    let text = problem.to_string();
    match text.split_once("; use -force") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

fn new_layers(facts: &Facts, base: &wharf_image::Image, of_old: &[Digest]) -> Vec<Digest> {
    let has = |digest: Digest| match &facts.layers {
        Some(layers) => layers.iter().any(|(own, _)| *own == digest),
        None => of_old.contains(&digest),
    };
    base.layers()
        .iter()
        .map(|layer| layer.descriptor.digest)
        .filter(|digest| !has(*digest))
        .collect()
}
