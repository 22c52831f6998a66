//! The creator: the same phases by one executable.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
