//! Building: inputs, what `bin/build` is given, environments, `build.toml`, `store.toml`.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
