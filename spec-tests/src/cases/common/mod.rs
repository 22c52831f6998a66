//! What all phases share: API versions, exit statuses, output, credentials.
pub mod api;
pub mod artifacts;
pub mod credentials;
pub mod exit;
pub mod launch_cache;
pub mod output;

use crate::{
    flow::Flow,
    stage::{Outcome, Stage},
    suite::Test,
};

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[
    api::TESTS,
    artifacts::TESTS,
    credentials::TESTS,
    exit::TESTS,
    launch_cache::TESTS,
    output::TESTS,
];

/// Every executable with arguments that it accepts.
fn calls(flow: &Flow<'_>) -> Vec<(&'static str, Vec<String>)> {
    let image = || vec![flow.image.clone()];
    vec![
        ("analyzer", image()),
        ("detector", Vec::new()),
        ("restorer", Vec::new()),
        ("builder", Vec::new()),
        ("exporter", image()),
        ("creator", image()),
        ("rebaser", image()),
        ("launcher", Vec::new()),
    ]
}

/// Runs one of [`calls`].
fn run(stage: &Stage, executable: &str, args: &[String]) -> Outcome {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    stage.phase(executable, &words)
}
