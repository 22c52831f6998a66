//! The text that `-h` prints.
use super::{Default, Kind, Row};
use crate::phase::Phase;
use std::fmt::Write;

/// Usage of `phase`, one flag per paragraph, as Go programs print it.
pub(crate) fn usage(phase: Phase, rows: &[&'static Row]) -> String {
    let mut text = format!("Usage of {phase}:\n");
    for row in rows {
        let kind = match row.kind {
            Kind::Bool => "",
            Kind::Number => " int",
            Kind::List => " value",
            Kind::Text => " string",
            Kind::Duration => " duration",
        };
        let _ = write!(text, "  -{}{kind}\n    \t{}", row.name, row.doc);
        if let Some(default) = default_text(row.default) {
            let _ = write!(text, " (default {default})");
        }
        for variable in row.variables {
            let _ = write!(text, " [{variable}]");
        }
        text.push('\n');
    }
    text.push_str("  -version\n    \tPrint the version\n");
    text
}

/// The default in words.
pub(crate) fn default_text(default: Default) -> Option<String> {
    match default {
        Default::Nothing => None,
        Default::Text(text) => Some(text.to_owned()),
        Default::InLayers(file) => Some(format!("<layers>/{file}")),
        Default::Order(path) => Some(format!("<layers>/order.toml if it exists, else {path}")),
    }
}
