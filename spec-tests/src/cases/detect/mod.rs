//! Detection: groups, order resolution, build plans, targets, what `bin/detect` is given.
pub mod groups;

use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[groups::TESTS];
