//! Groups in the order they are tried (buildpack spec, "Order Resolution").
use crate::{DetectError, DetectInputs, Trace};
use std::{collections::BTreeMap, sync::Arc};
use wharf_buildpack::{Buildpack, BuildpackStore};
use wharf_spec::{
    files::{group::GroupElement, order::OrderGroup, system::SystemBuildpacks},
    id::{BuildpackId, ExecEnv, full_name},
};

/// More groups than anybody wrote down on purpose.
const GROUP_LIMIT: usize = 10_000;

/// One buildpack of a group to try; never a composite.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub version: String,
    pub optional: bool,
    pub buildpack: Arc<Buildpack>,
    id: BuildpackId,
}

impl Member {
    pub(crate) fn id(&self) -> &BuildpackId {
        &self.id
    }

    pub(crate) fn name(&self) -> String {
        full_name(&self.id, &self.version)
    }

    /// As `group.toml` has it.
    pub(crate) fn group_element(&self) -> GroupElement {
        GroupElement {
            api: self.buildpack.api.to_string(),
            homepage: self.buildpack.descriptor.buildpack.homepage.clone(),
            ..provider(&self.id, &self.version)
        }
    }
}

/// As `plan.toml` has it.
pub(crate) fn provider(id: &BuildpackId, version: &str) -> GroupElement {
    GroupElement {
        id: id.clone(),
        version: version.to_owned(),
        api: String::new(),
        homepage: String::new(),
        extension: false,
        optional: false,
        exec_env: Vec::new(),
    }
}

/// An entry still to be expanded, and the composite buildpacks it came from.
#[derive(Debug, Clone)]
struct Pending {
    element: GroupElement,
    ancestors: Arc<Vec<String>>,
}

/// A group that is partly expanded.
#[derive(Debug, Clone)]
struct State {
    done: Vec<Member>,
    /// Last first.
    pending: Vec<Pending>,
}

/// The groups of an order, one at a time: composite buildpacks multiply them, so they are never all in memory.
pub(crate) struct Groups<'a> {
    store: &'a BuildpackStore,
    exec_env: Option<&'a ExecEnv>,
    loaded: BTreeMap<(BuildpackId, String), Arc<Buildpack>>,
    /// Next one last.
    states: Vec<State>,
    given: usize,
}

impl<'a> Groups<'a> {
    /// Merges the system's buildpacks into every group, and loads every buildpack the order names itself: a missing
    /// or unsupported one is an error even where its group would not be tried.
    pub(crate) fn new(
        inputs: &'a DetectInputs,
        store: &'a BuildpackStore,
        trace: &mut Trace,
    ) -> Result<Self, DetectError> {
        let mut groups = Self {
            store,
            exec_env: inputs.context.exec_env.as_ref(),
            loaded: BTreeMap::new(),
            states: Vec::new(),
            given: 0,
        };
        let root = Arc::new(Vec::new());
        for group in &inputs.order.order {
            let members = with_system(group, &inputs.system, trace);
            for element in &members {
                groups.load(element)?;
            }
            groups.states.push(State {
                done: Vec::new(),
                pending: pending(members, &root),
            });
        }
        groups.states.reverse();
        Ok(groups)
    }

    /// The next group, `None` after the last.
    pub(crate) fn next_group(&mut self) -> Result<Option<Vec<Member>>, DetectError> {
        while let Some(state) = self.states.pop() {
            if let Some(group) = self.expand(state)? {
                self.given += 1;
                if self.given > GROUP_LIMIT {
                    return Err(DetectError::TooManyGroups { limit: GROUP_LIMIT });
                }
                return Ok(Some(group));
            }
        }
        Ok(None)
    }

    /// Expands up to the next composite buildpack, which leaves one state for each of its groups; or to the end.
    fn expand(&mut self, mut state: State) -> Result<Option<Vec<Member>>, DetectError> {
        while let Some(next) = state.pending.pop() {
            let element = &next.element;
            if state.done.iter().any(|member| member.id == element.id) {
                continue;
            }
            let buildpack = self.load(element)?;
            if !self.is_for_exec_env(element, &buildpack) {
                continue;
            }
            if buildpack.is_composite() {
                self.expand_composite(&state, &next, &buildpack)?;
                return Ok(None);
            }
            state.done.push(Member {
                id: element.id.clone(),
                version: version_of(element, &buildpack),
                optional: element.optional,
                buildpack,
            });
        }
        Ok(Some(state.done))
    }

    fn expand_composite(
        &mut self,
        state: &State,
        composite: &Pending,
        buildpack: &Buildpack,
    ) -> Result<(), DetectError> {
        let name = buildpack.full_name();
        if composite.ancestors.contains(&name) {
            return Err(DetectError::Cycle {
                through: composite.ancestors.join(", "),
                buildpack: name,
            });
        }
        if composite.element.optional {
            self.states.push(state.clone());
        }
        let mut ancestors = composite.ancestors.as_ref().clone();
        ancestors.push(name);
        let ancestors = Arc::new(ancestors);
        for group in buildpack.descriptor.order.iter().rev() {
            let mut state = state.clone();
            state
                .pending
                .extend(pending(group.group.clone(), &ancestors));
            self.states.push(state);
        }
        if self.states.len() > GROUP_LIMIT {
            return Err(DetectError::TooManyGroups { limit: GROUP_LIMIT });
        }
        Ok(())
    }

    fn load(&mut self, element: &GroupElement) -> Result<Arc<Buildpack>, DetectError> {
        let key = (element.id.clone(), element.version.clone());
        if let Some(buildpack) = self.loaded.get(&key) {
            return Ok(Arc::clone(buildpack));
        }
        let buildpack = Arc::new(self.store.load(&element.id, &element.version)?);
        self.loaded.insert(key, Arc::clone(&buildpack));
        Ok(buildpack)
    }

    fn is_for_exec_env(&self, element: &GroupElement, buildpack: &Buildpack) -> bool {
        let Some(exec_env) = self.exec_env else {
            return true;
        };
        let supported = &buildpack.descriptor.buildpack.exec_env;
        exec_env.is_in(&element.exec_env)
            && (!buildpack.api.features().exec_env || exec_env.is_in(supported))
    }
}

/// The version an order names, or that of the only one there is.
fn version_of(element: &GroupElement, buildpack: &Buildpack) -> String {
    if element.version.is_empty() {
        buildpack.descriptor.buildpack.version.clone()
    } else {
        element.version.clone()
    }
}

fn pending(elements: Vec<GroupElement>, ancestors: &Arc<Vec<String>>) -> Vec<Pending> {
    let buildpacks = elements.into_iter().filter(|element| !element.extension);
    let mut pending: Vec<Pending> = buildpacks
        .map(|element| Pending {
            element,
            ancestors: Arc::clone(ancestors),
        })
        .collect();
    pending.reverse();
    pending
}

/// The group with the system's buildpacks around it, except those it has itself in any version.
fn with_system(
    group: &OrderGroup,
    system: &SystemBuildpacks,
    trace: &mut Trace,
) -> Vec<GroupElement> {
    let absent = |elements: &[GroupElement]| -> Vec<GroupElement> {
        let has = |id: &BuildpackId| group.group.iter().any(|element| element.id == *id);
        elements
            .iter()
            .filter(|element| !has(&element.id))
            .cloned()
            .collect()
    };
    let mut members = absent(&system.pre.buildpacks);
    if !members.is_empty() {
        trace.debug(format!(
            "Prepending {} system buildpack(s) to group",
            members.len()
        ));
    }
    members.extend(group.group.iter().cloned());
    let post = absent(&system.post.buildpacks);
    if !post.is_empty() {
        trace.debug(format!(
            "Appending {} system buildpack(s) to group",
            post.len()
        ));
    }
    members.extend(post);
    members
}
