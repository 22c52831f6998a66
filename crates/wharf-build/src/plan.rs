//! Which requirements a buildpack is to meet, and which are left (buildpack spec, "Unmet Buildpack Plan Entries").
use wharf_spec::files::{
    group::GroupElement,
    plan::{BuildpackPlan, DoubleVersion, Plan, PlanEntry, Require},
};

/// What no buildpack has met so far.
pub(crate) struct Remaining(Vec<PlanEntry>);

impl Remaining {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self(plan.entries.clone())
    }

    /// The requirements `buildpack` is to meet.
    pub(crate) fn requested_of(
        &self,
        buildpack: &GroupElement,
    ) -> Result<BuildpackPlan, DoubleVersion> {
        let entries = self
            .0
            .iter()
            .filter(|entry| position(entry, buildpack).is_some())
            .flat_map(|entry| entry.requires.iter().cloned())
            .map(Require::with_version_in_metadata);
        Ok(BuildpackPlan {
            entries: entries.collect::<Result<_, _>>()?,
        })
    }

    /// After `buildpack` has run: what it did not meet stays for the next provider, the rest is done.
    pub(crate) fn settle(&mut self, buildpack: &GroupElement, unmet: &[String]) {
        self.0.retain_mut(|entry| {
            let Some(provider) = position(entry, buildpack) else {
                return true;
            };
            entry.providers.remove(provider);
            entry
                .requires
                .retain(|require| unmet.contains(&require.name));
            !entry.requires.is_empty()
        });
    }
}

fn position(entry: &PlanEntry, buildpack: &GroupElement) -> Option<usize> {
    entry.providers.iter().position(|provider| {
        !provider.extension && provider.id == buildpack.id && provider.version == buildpack.version
    })
}
