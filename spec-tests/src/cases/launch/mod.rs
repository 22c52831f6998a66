//! Launching: processes, environments, exec.d, `launch.toml`.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
