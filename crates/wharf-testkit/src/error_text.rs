//! Errors as the edge prints them.
use std::error::Error;

/// An error with all its causes: `what: why: why that`.
pub fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
