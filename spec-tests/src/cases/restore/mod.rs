//! Restoring: inputs, layers and metadata from cache and previous image.
pub mod inputs;

use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[inputs::TESTS];
