//! Exporting: inputs, the image, its labels, the report.
//!
//! Most tests write what the earlier phases leave by hand, so that only the exporter runs.
pub mod build_label;
pub mod cache;
pub mod image;
pub mod inputs;
pub mod labels;
pub mod layout;
pub mod report;
pub mod sbom;

use crate::{flow::Flow, image::Image, probe::Probe, stage::Outcome, suite::Case, suite::Test};
use serde_json::Value;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[
    build_label::TESTS,
    cache::TESTS,
    image::TESTS,
    inputs::TESTS,
    labels::TESTS,
    layout::TESTS,
    report::TESTS,
    sbom::TESTS,
];

/// The buildpack that took part.
pub(in crate::cases) const ID: &str = "example/one";
/// Its directory of layers.
pub(in crate::cases) const LAYERS: &str = "layers/example_one";

/// Directories as earlier phases leave them: `example/one` with the process `web`, the launch layer `dep` with a file,
/// and the run image [`Case::run_image`].
pub(in crate::cases) fn ready<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let flow = Flow::new(case);
    let stage = &flow.stage;
    stage.write("layers/group.toml", &group(case));
    stage.write("layers/analyzed.toml", &analyzed(&case.run_image()));
    let metadata = metadata(case, &process(case, "web", ""));
    stage.write("layers/config/metadata.toml", &metadata);
    stage.write(&format!("{LAYERS}/dep/file"), "content\n");
    stage.write("tmp/launcher", "a small launcher\n");
    stage.write(&format!("{LAYERS}/dep.toml"), "[types]\nlaunch = true\n");
    flow
}

/// `group.toml` with `example/one`.
fn group(case: &Case<'_>) -> String {
    format!("group = [{}]\n", Probe::new(case, ID).member())
}

/// `analyzed.toml` with this run image.
pub(in crate::cases) fn analyzed(run_image: &str) -> String {
    format!("[run-image]\nreference = \"{run_image}\"\n")
}

/// `config/metadata.toml` with `example/one` and these further lines.
pub(in crate::cases) fn metadata(case: &Case<'_>, more: &str) -> String {
    let member = Probe::new(case, ID).member();
    format!("buildpacks = [{member}]\n{more}")
}

/// A process of `example/one` in `config/metadata.toml`, in the form of the Platform API; `more` are further keys.
pub(in crate::cases) fn process(case: &Case<'_>, kind: &str, more: &str) -> String {
    let command = if case.platform < 10 {
        "\"run\""
    } else {
        "[\"run\"]"
    };
    format!(
        "[[processes]]\ntype = \"{kind}\"\ncommand = {command}\nargs = [\"one\", \"two\"]\ndirect = true\n\
         buildpack-id = \"{ID}\"\n{more}\n"
    )
}

/// Exports to these names with the small launcher of [`ready`].
pub(in crate::cases) fn export_to(flow: &Flow<'_>, args: &[&str]) -> Outcome {
    let args = [&["-launcher=/tmp/launcher"], args].concat();
    flow.stage.phase("exporter", &args)
}

/// Exports to a new name with these arguments.
pub(in crate::cases) fn export_anew(
    case: &Case<'_>,
    flow: &mut Flow<'_>,
    args: &[&str],
) -> Outcome {
    flow.image = case.reference("app");
    export_to(flow, &[args, &[flow.image.as_str()]].concat())
}

/// The image of an export that must succeed.
pub(in crate::cases) fn exported(flow: &Flow<'_>) -> Image {
    export_to(flow, &[&flow.image]).expect_code(0);
    flow.pull()
}

/// The content of the only file in the image whose path ends so.
pub(in crate::cases) fn content(image: &Image, path: &str) -> String {
    let entries = image.entries_above(0);
    let file = entries.iter().find(|entry| entry.path.ends_with(path));
    let file = file.unwrap_or_else(|| panic!("the image has no file {path}"));
    String::from_utf8_lossy(&file.content).into_owned()
}

/// The label `io.buildpacks.lifecycle.metadata`.
pub(in crate::cases) fn lifecycle_label(image: &Image) -> Value {
    image.json_label("io.buildpacks.lifecycle.metadata")
}
