//! What only wharf promises: behaviour of the reference that platforms rely on, and its weaknesses mended.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
