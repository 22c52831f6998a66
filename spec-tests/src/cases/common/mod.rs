//! What all phases share: API versions, exit statuses, logs, credentials, file formats.
use crate::suite::Test;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[];
