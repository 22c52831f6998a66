//! Launching: processes, environments, exec.d, `launch.toml`.
pub mod exec_d;
pub mod images;
pub mod inputs;
pub mod launch_toml;
pub mod paths;
pub mod processes;
pub mod shell;
pub mod stand;
pub mod variables;

use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[
    exec_d::TESTS,
    inputs::TESTS,
    launch_toml::TESTS,
    paths::TESTS,
    processes::TESTS,
    shell::TESTS,
    variables::TESTS,
    // Last, so that a planted fault is caught by a test that is about it: an image has no planted launcher.
    images::TESTS,
];
