//! Fleets, plans and applies for the tests.
use std::{collections::BTreeMap, path::Path, sync::atomic::AtomicBool, time::Duration};
use tempfile::TempDir;
use wharf_fleet::{
    Applied, ApplyOptions, Candidate, Content, Facts, Journal, ListError, NewBase, Plan,
    PlanOptions, Policy, Source, apply,
    apply::{Means, NoVerifier, Silent, Verifier},
    clock::FixedClock,
    journal::State,
    plan::make,
    verdict::OldBases,
};
use wharf_image::{Image, ImageStore, validate::validate};
use wharf_spec::digest::Digest;
use wharf_testkit::{
    MemoryStore,
    fleet::{Fleet, FleetRecipe, Kind},
    image_recipe::platform,
};

pub(crate) const HOST: &str = "r.example";

/// The tags of a fleet, read from its store.
pub(crate) struct Listed<'a>(pub(crate) &'a dyn ImageStore, pub(crate) &'a Fleet);

impl Source for Listed<'_> {
    fn list(&self, each: &mut dyn FnMut(Candidate)) -> Result<(), ListError> {
        for member in &self.1.members {
            let pinned = member.tags[0].with_digest(member.digest);
            let stored = self.0.read_manifest(&pinned).unwrap().unwrap();
            let content = match stored.entries().unwrap() {
                None => {
                    let image = self.0.read_image(&pinned, stored).unwrap();
                    Content::Image(Facts::of(&image))
                }
                Some(entries) => {
                    let read = |digest: Digest| {
                        let pinned = member.tags[0].with_digest(digest);
                        let stored = self.0.read_manifest(&pinned).unwrap().unwrap();
                        Facts::of(&self.0.read_image(&pinned, stored).unwrap())
                    };
                    let digests = entries.iter().map(|entry| entry.descriptor.digest);
                    Content::Index(digests.map(read).collect())
                }
            };
            each(Candidate {
                repository: member.tags[0].name(),
                digest: Some(member.digest),
                tags: member
                    .tags
                    .iter()
                    .filter_map(|tag| Some(tag.tag()?.to_owned()))
                    .collect(),
                content,
                pushed: None,
                pulled: None,
            });
        }
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) fleet: Fleet,
    pub(crate) base: NewBase,
    pub(crate) plan: Plan,
    pub(crate) dir: TempDir,
}

pub(crate) fn world(seed: u64, images: usize, kinds: &[Kind]) -> World {
    let store = MemoryStore::new();
    let recipe = FleetRecipe {
        seed,
        images,
        projects: 3,
        host: HOST,
        kinds,
    };
    let fleet = recipe.build(&store);
    let base = NewBase::read(&fleet.run_image, &store).unwrap().unwrap();
    let plan = plan(&store, &fleet, &base, &PlanOptions::default());
    World {
        store,
        fleet,
        base,
        plan,
        dir: TempDir::new().unwrap(),
    }
}

pub(crate) fn plan(
    store: &MemoryStore,
    fleet: &Fleet,
    base: &NewBase,
    options: &PlanOptions,
) -> Plan {
    let source = Listed(store, fleet);
    make(
        &[&source],
        base,
        &OldBases::default(),
        &Policy::default(),
        options,
    )
    .unwrap()
}

pub(crate) fn quick() -> ApplyOptions {
    ApplyOptions {
        who: "somebody".into(),
        first_wait: Duration::from_millis(1),
        ..ApplyOptions::default()
    }
}

impl World {
    pub(crate) fn stem(&self) -> std::path::PathBuf {
        self.dir.path().join("plan.journal")
    }

    pub(crate) fn apply(&self, options: &ApplyOptions) -> Applied {
        self.apply_with(&self.store, options, &NoVerifier)
    }

    pub(crate) fn apply_with(
        &self,
        store: &dyn ImageStore,
        options: &ApplyOptions,
        verifier: &dyn Verifier,
    ) -> Applied {
        let (journal, before) =
            Journal::open(&self.stem(), options.shard, &self.plan.digest).unwrap();
        let means = Means {
            store,
            base: &self.base,
            before: &before,
            journal: Some(&journal),
            clock: &FixedClock("2026-01-31T12:00:00Z".into()),
            verifier,
            progress: &Silent,
            interrupted: &AtomicBool::new(false),
        };
        apply(&self.plan, options, means).unwrap()
    }

    pub(crate) fn state(&self) -> State {
        state(&self.stem(), &self.plan.digest)
    }

    /// Tag -> digest of the whole fleet.
    pub(crate) fn tags(&self) -> BTreeMap<String, Digest> {
        let tags = self.fleet.members.iter().flat_map(|member| &member.tags);
        tags.map(|tag| {
            let stored = self.store.read_manifest(tag).unwrap().unwrap();
            (tag.to_string(), stored.digest())
        })
        .collect()
    }

    /// Judges every tag: rebased as it should be, or untouched.
    pub(crate) fn judge(&self) {
        for member in &self.fleet.members {
            for tag in &member.tags {
                if !member.kind.is_rebasable() {
                    let stored = self.store.read_manifest(tag).unwrap().unwrap();
                    assert_eq!(stored.digest(), member.digest, "{tag}");
                    continue;
                }
                for (at, (architecture, above)) in member.above.iter().enumerate() {
                    let wanted = platform("linux", architecture);
                    let image = self.store.find(tag, &wanted).unwrap().unwrap();
                    judge(&image, &self.fleet.new[at], above);
                }
            }
        }
    }
}

pub(crate) fn state(stem: &Path, plan: &str) -> State {
    wharf_fleet::journal::read_all(stem, plan).unwrap()
}

fn judge(image: &Image, base: &Image, above: &[Digest]) {
    assert_eq!(validate(image), Vec::<String>::new());
    let layers: Vec<Digest> = image.layers().iter().map(|layer| layer.diff_id).collect();
    let of_base: Vec<Digest> = base.layers().iter().map(|layer| layer.diff_id).collect();
    assert_eq!(layers, [of_base, above.to_vec()].concat());
    assert_eq!(image.label("io.buildpacks.base.released"), Some("2"));
    assert_eq!(image.user(), "1000:1000");
    assert_eq!(image.manifest()["annotations"]["note"], "kept");
}
