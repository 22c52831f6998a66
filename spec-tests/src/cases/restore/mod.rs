//! Restoring: inputs, layers and metadata from cache and previous image.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
