//! Analysis: inputs, access checks, the run image, `analyzed.toml`, layouts.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
