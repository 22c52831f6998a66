//! What only wharf promises: behaviour of the reference that platforms rely on, and its weaknesses mended.
pub mod analyze;
pub mod build;
pub mod console;
pub mod create;
pub mod detect;
pub mod export;
pub mod launch;
pub mod layers;
pub mod weaknesses;

use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[
    analyze::TESTS,
    build::TESTS,
    console::TESTS,
    create::TESTS,
    detect::TESTS,
    export::TESTS,
    launch::TESTS,
    layers::archives::TESTS,
    layers::cache::TESTS,
    layers::restored::TESTS,
    weaknesses::TESTS,
];
