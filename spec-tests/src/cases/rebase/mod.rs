//! Rebasing.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
