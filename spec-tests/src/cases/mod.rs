//! The tests, by the phase or file they are about.
pub mod analyze;
pub mod build;
pub mod common;
pub mod create;
pub mod detect;
pub mod export;
pub mod launch;
pub mod layers;
pub mod rebase;
pub mod restore;
pub mod wharf;

use crate::suite::Test;

/// Every test of the suite.
pub fn all() -> Vec<Test> {
    let parts = [
        analyze::TABLES,
        build::TABLES,
        common::TABLES,
        create::TABLES,
        detect::TABLES,
        export::TABLES,
        launch::TABLES,
        layers::TABLES,
        rebase::TABLES,
        restore::TABLES,
        wharf::TABLES,
    ];
    let tests = parts.concat().concat();
    tests.into_iter().map(Test::below_cases).collect()
}
