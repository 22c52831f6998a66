//! The creator: the same phases by one executable.
pub mod effect;
pub mod inputs;

use crate::{
    flow::Flow,
    stage::Outcome,
    suite::{Case, Test},
};

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[effect::TESTS, inputs::TESTS];

/// Builds into a new repository with these arguments and a small launcher, without a cache.
pub(in crate::cases) fn create_anew(
    case: &Case<'_>,
    flow: &mut Flow<'_>,
    args: &[&str],
) -> Outcome {
    flow.image = case.reference("app");
    flow.stage.write("tmp/launcher", "a small launcher\n");
    let own = ["-launcher=/tmp/launcher"];
    let args = [&own, args, &[flow.image.as_str()]].concat();
    flow.stage.phase("creator", &args)
}

/// Shell lines that list what `bin/build` finds in its layers directory.
pub(in crate::cases) fn found() -> String {
    "(cd \"$LAYERS\" && find . -mindepth 1 | sort) > /record/found\n".to_owned()
}
