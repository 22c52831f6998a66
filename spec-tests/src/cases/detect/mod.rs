//! Detection: groups, order resolution, build plans, targets, what `bin/detect` is given.
//!
//! Only the detector runs, on a stage that analysis seems to have left.
pub mod descriptor;
pub mod exec_env;
pub mod groups;
pub mod inputs;
pub mod interface;
pub mod order;
pub mod outputs;
pub mod plan;
pub mod stacks;
pub mod system;
pub mod targets;

use crate::{
    flow::Flow,
    probe::{Probe, Record},
    recipe::architecture,
    suite::{Case, Test},
};

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[
    descriptor::TESTS,
    exec_env::TESTS,
    groups::TESTS,
    inputs::TESTS,
    interface::TESTS,
    order::TESTS,
    outputs::TESTS,
    plan::TESTS,
    stacks::TESTS,
    system::TESTS,
    targets::TESTS,
];

/// A build that the detector may begin: the run image is Debian 12 on this machine's architecture.
pub fn ready<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let flow = Flow::new(case);
    flow.stage
        .write("layers/analyzed.toml", &analyzed(case, &debian("12")));
    flow
}

/// The same with these buildpacks as the only group.
pub fn ready_with<'a>(case: &'a Case<'a>, probes: &[&Probe]) -> Flow<'a> {
    let flow = ready(case);
    flow.order(&[probes]);
    flow
}

/// `analyzed.toml`, with the run image's target where the Platform API has targets.
pub fn analyzed(case: &Case<'_>, target: &str) -> String {
    let run = case.run_image();
    let repository = run.rsplit_once(':').map_or(run.as_str(), |(name, _)| name);
    let reference = format!(
        "[run-image]\nreference = \"{repository}@sha256:{}\"\n",
        "0".repeat(64)
    );
    if case.platform < 12 {
        return reference;
    }
    format!("{reference}image = \"{run}\"\nextend = false\n[run-image.target]\n{target}")
}

/// A target on this machine's architecture with a distribution.
pub fn debian(version: &str) -> String {
    format!(
        "os = \"linux\"\narch = \"{}\"\n[run-image.target.distro]\nname = \"debian\"\nversion = \"{version}\"\n",
        architecture()
    )
}

/// A buildpack that does not want to take part.
pub fn failing(case: &Case<'_>, id: &str) -> Probe {
    Probe::new(case, id).detect("exit 100")
}

/// Identifiers of the members of `group.toml`, in order.
pub fn members(flow: &Flow<'_>) -> Vec<String> {
    let group = flow.layers_toml("group.toml");
    let list = group["group"].as_array().expect("group.toml has a group");
    let ids = list
        .iter()
        .map(|member| member["id"].as_str().expect("a member has an id"));
    ids.map(str::to_owned).collect()
}

/// The members that detection selects; the test ends when it selects none.
pub fn selected(flow: &Flow<'_>) -> Vec<String> {
    flow.detect(&[]).expect_code(0);
    members(flow)
}

/// What `bin/detect` of a buildpack was given; the test ends when it did not run.
pub fn given(flow: &Flow<'_>, probe: &Probe) -> Record {
    probe
        .record(&flow.stage, "detect")
        .unwrap_or_else(|| panic!("bin/detect of {} did not run", probe.dir()))
}
