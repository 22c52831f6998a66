//! What only wharf promises: behaviour of the reference that platforms rely on, and its weaknesses mended.
pub mod build;
pub mod detect;
pub mod export;
pub mod launch;
pub mod layers;

use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[
    build::TESTS,
    detect::TESTS,
    export::TESTS,
    launch::TESTS,
    layers::archives::TESTS,
    layers::cache::TESTS,
    layers::restored::TESTS,
];
