//! Exporting: inputs, the image, its labels, the report.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
