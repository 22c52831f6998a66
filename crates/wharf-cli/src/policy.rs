//! `wharf-policy.toml`: what administrators allow, for fleets and builds.
use crate::{console::Hint, environment, location::Location};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};
use wharf_fleet::Policy;
use wharf_spec::digest::Digest;

/// The policy at `path`; without one everything is allowed.
pub(crate) fn read(path: Option<&Path>) -> Result<Policy> {
    let Some(path) = path else {
        return Ok(Policy::default());
    };
    let read = fs::read_to_string(path).with_context(|| format!("read '{}'", path.display()))?;
    Policy::parse(&read).with_context(|| format!("read policy '{}'", path.display()))
}

/// Refuses a builder that the policy does not allow: the one at `given`, else the one that `WHARF_POLICY` names.
pub(crate) fn check_builder(
    given: Option<&Path>,
    builder: &Location,
    digest: Digest,
) -> Result<()> {
    let named = environment::variable("WHARF_POLICY").map(PathBuf::from);
    let Some(path) = given.map(Path::to_owned).or(named) else {
        return Ok(());
    };
    let written = builder.to_string();
    let (name, tagged) = match builder {
        Location::Registry(reference) => (
            reference.name(),
            format!(
                "{}:{}",
                reference.name(),
                reference.tag().unwrap_or_default()
            ),
        ),
        Location::Layout(_) => (written.clone(), written.clone()),
    };
    let allowed = read(Some(&path))?.check_builder([&name, &tagged, &written], digest);
    allowed.context(Hint(format!(
        "'{}' says which builders may be used",
        path.display()
    )))
}
