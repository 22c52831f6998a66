//! Text as the reference lifecycle writes it: TOML with its indentation, JSON with its escapes.
//!
//! The bytes matter: `config/metadata.toml` is a layer of the app image, so another spelling would be another
//! diff ID and a needless upload after a switch.
use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;
use serde::Serialize;
use toml::{Table, Value};

/// A value that has no TOML or JSON form; for the types of this crate that cannot happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("encode {what}: {message}")]
pub struct EncodeError {
    /// The kind of text.
    pub what: &'static str,
    /// The encoder's words.
    pub message: String,
}

/// TOML text of a document: plain keys first, then tables, two blanks per level, a blank line before each
/// array element and each top-level table.
pub fn toml_text<T: Serialize>(document: &T) -> Result<String, EncodeError> {
    let error = |message: String| EncodeError {
        what: "TOML",
        message,
    };
    // By way of plain text, because a table made from a document directly has lost its dates.
    let plain = toml::to_string(document).map_err(|failure| error(format!("{failure}")))?;
    let table: Table = toml::from_str(&plain).map_err(|failure| error(format!("{failure}")))?;
    let mut out = String::new();
    write_table(&mut out, &mut Vec::new(), &table);
    Ok(out)
}

/// JSON text of a document with `<`, `>`, `&`, U+2028 and U+2029 escaped, as labels contain it.
pub fn json_text<T: Serialize>(document: &T) -> Result<String, EncodeError> {
    let plain = serde_json::to_string(document).map_err(|error| EncodeError {
        what: "JSON",
        message: format!("{error}"),
    })?;
    let mut out = String::with_capacity(plain.len());
    // These characters occur only inside JSON strings, so the text as a whole can be mapped.
    for character in plain.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string cannot fail, here and below.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

fn write_table(out: &mut String, key: &mut Vec<String>, table: &Table) {
    let is_direct = |value: &&Value| !value.is_table() && !is_table_array(value);
    for (name, value) in table.iter().filter(|(_, value)| is_direct(value)) {
        indent(out, key.len());
        out.push_str(&quote_key(name));
        out.push_str(" = ");
        write_inline(out, value);
        out.push('\n');
    }
    for (name, value) in table.iter().filter(|(_, value)| !is_direct(value)) {
        key.push(quote_key(name));
        write_section(out, key, value);
        key.pop();
    }
}

fn write_section(out: &mut String, key: &mut Vec<String>, value: &Value) {
    let header = |out: &mut String, key: &[String], open: &str, close: &str| {
        indent(out, key.len() - 1);
        let _ = writeln!(out, "{open}{}{close}", key.join("."));
    };
    match value {
        Value::Table(table) => {
            if key.len() == 1 {
                blank_line(out);
            }
            header(out, key, "[", "]");
            write_table(out, key, table);
        }
        Value::Array(items) => {
            for item in items.iter().filter_map(Value::as_table) {
                blank_line(out);
                header(out, key, "[[", "]]");
                write_table(out, key, item);
            }
        }
        _ => {}
    }
}

fn write_inline(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => out.push_str(&quote(text)),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_inline(out, item);
            }
            out.push(']');
        }
        Value::Table(table) => {
            out.push('{');
            for (index, (name, item)) in table.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                out.push_str(&quote_key(name));
                out.push_str(" = ");
                write_inline(out, item);
            }
            out.push('}');
        }
        Value::Float(number) if is_whole(*number) => {
            let _ = write!(out, "{number:.1}");
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// Whether a number has no fractional part; without `std` there is no `f64::fract`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the comparison is about exactness, and beyond 2^53 a float is whole anyway"
)]
fn is_whole(number: f64) -> bool {
    number.is_finite()
        && (number.abs() >= 9_007_199_254_740_992.0 || number == (number as i64) as f64)
}

fn is_table_array(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|items| !items.is_empty() && items.iter().all(Value::is_table))
}

fn indent(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push_str("  ");
    }
}

fn blank_line(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

fn quote_key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(bare) {
        name.into()
    } else {
        quote(name)
    }
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{parse, plan::BuildPlan};

    #[test]
    fn dates_of_a_build_plan_stay_dates() {
        let text =
            "[[requires]]\nname = \"x\"\n[requires.metadata]\nd = 2020-01-02T03:04:05Z\nn = 7\n";
        let plan: BuildPlan = parse(text).unwrap();
        let encoded = toml_text(&plan).unwrap();
        assert_eq!(
            encoded,
            "provides = []\nor = []\n\n[[requires]]\n  name = \"x\"\n  [requires.metadata]\n    d = 2020-01-02T03:04:05Z\n    n = 7\n"
        );
        assert_eq!(parse::<BuildPlan>(&encoded), Ok(plan));
    }
}
