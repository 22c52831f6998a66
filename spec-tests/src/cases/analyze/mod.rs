//! Analysis: inputs, access checks, the run image, `analyzed.toml`, layouts.
//!
//! Mostly only the analyzer runs.
pub mod access;
pub mod described;
pub mod inputs;
pub mod layout;
pub mod run_image;
pub mod sources;

use crate::{
    flow::Flow,
    recipe::Recipe,
    stage::Outcome,
    suite::{Case, Test},
};

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[
    access::TESTS,
    described::TESTS,
    inputs::TESTS,
    layout::TESTS,
    run_image::TESTS,
];

/// Puts an image that no other is equal to into a repository of its own and gives its name without a tag.
fn marked(case: &Case<'_>, mark: &str) -> String {
    case.push(mark, &Recipe::run_image().label("mark", mark))
}

/// `repository@digest` of an image that is named without a tag or as `:base`.
pub fn by_digest(case: &Case<'_>, name: &str) -> String {
    let digest = case.pull(name).digest;
    format!("{}@{digest}", name.trim_end_matches(":base"))
}

/// What analysis left as the reference of `image` or `run-image`; empty when there is none.
pub fn reference(flow: &Flow<'_>, table: &str) -> String {
    let analyzed = flow.layers_toml("analyzed.toml");
    let reference = analyzed.get(table).and_then(|image| image.get("reference"));
    let text = reference.and_then(toml::Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// Runs an executable of the lifecycle with more options of bubblewrap.
pub fn run_with(flow: &Flow<'_>, options: &[&str], words: &[&str]) -> Outcome {
    let mut command = flow.stage.bwrap_with(options);
    command.arg(format!("/cnb/lifecycle/{}", words[0]));
    command.args(&words[1..]);
    flow.stage.finish(command)
}

/// Options of bubblewrap under which this machine has these names, too.
pub fn named(flow: &Flow<'_>, names: &[&str]) -> [String; 3] {
    flow.stage
        .write("tmp/hosts", &format!("127.0.0.1 {}\n", names.join(" ")));
    let hosts = flow.stage.path("tmp/hosts").display().to_string();
    ["--ro-bind".to_owned(), hosts, "/etc/hosts".to_owned()]
}
