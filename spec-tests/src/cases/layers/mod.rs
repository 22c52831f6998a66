//! Layers: types, reuse, slices, SBOM files, `<layer>.toml`.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
