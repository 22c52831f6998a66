//! A small TOML reader: whole documents, but of the values only strings, booleans, lists and tables are kept.
//!
//! The launcher reads two kinds of TOML, `metadata.toml` and what `exec.d` programs write, at each start of each
//! app. A general library would be a third of its size.
mod scan;
mod tree;

pub use tree::{Table, Value};

use alloc::{string::String, vec::Vec};
use core::fmt;
use scan::Scanner;
use tree::Origin;

/// Deepest nesting of lists and inline tables.
const MAX_DEPTH: usize = 64;

/// Where and why a text is not TOML, or not the TOML expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TomlError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Why.
    pub message: &'static str,
}

impl TomlError {
    /// An error at a byte offset of `text`.
    pub fn at(text: &str, offset: usize, message: &'static str) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
        }
    }
}

impl fmt::Display for TomlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.message
        )
    }
}

impl core::error::Error for TomlError {}

/// A failure before line and column are worked out.
#[derive(Debug, Clone, Copy)]
struct Fault {
    offset: usize,
    message: &'static str,
}

/// A key and where it starts.
#[derive(Debug, Clone)]
struct Key {
    offset: usize,
    name: String,
}

/// Parses a document.
pub fn parse(text: &str) -> Result<Table, TomlError> {
    document(text).map_err(|fault| TomlError::at(text, fault.offset, fault.message))
}

fn document(text: &str) -> Result<Table, Fault> {
    let mut scanner = Scanner::new(text);
    let mut root = Table::new(Origin::Header);
    let mut section = Vec::new();
    loop {
        scanner.skip_blank_lines()?;
        match scanner.peek() {
            None => return Ok(root),
            Some(b'[') => section = header(&mut scanner, &mut root)?,
            Some(_) => pair(&mut scanner, root.walk(&section)?, 0)?,
        }
        scanner.end_of_line()?;
    }
}

/// `[a.b]` or `[[a.b]]`; returns the path of the table that was opened.
fn header(scanner: &mut Scanner<'_>, root: &mut Table) -> Result<Vec<Key>, Fault> {
    scanner.take(b'[');
    let is_array = scanner.take(b'[');
    let path = dotted_key(scanner)?;
    scanner.expect(b']', "expected ']' after the table name")?;
    if is_array {
        scanner.expect(b']', "expected ']]' after the table name")?;
    }
    if let Some((last, parents)) = path.split_last() {
        let parent = root.walk(parents)?;
        if is_array {
            parent.open_array_element(last)?;
        } else {
            parent.open_table(last)?;
        }
    }
    Ok(path)
}

/// `a.b = value` into `table`.
fn pair(scanner: &mut Scanner<'_>, table: &mut Table, depth: usize) -> Result<(), Fault> {
    let path = dotted_key(scanner)?;
    scanner.expect(b'=', "expected '=' after the key")?;
    scanner.skip_space();
    let value = value(scanner, depth)?;
    match path.split_last() {
        Some((last, parents)) => table.walk_dotted(parents)?.insert(last, value),
        None => Ok(()),
    }
}

fn dotted_key(scanner: &mut Scanner<'_>) -> Result<Vec<Key>, Fault> {
    let mut path = Vec::new();
    loop {
        scanner.skip_space();
        let offset = scanner.offset();
        let name = scanner.key()?;
        path.push(Key { offset, name });
        scanner.skip_space();
        if !scanner.take(b'.') {
            return Ok(path);
        }
    }
}

fn value(scanner: &mut Scanner<'_>, depth: usize) -> Result<Value, Fault> {
    if depth > MAX_DEPTH {
        return Err(scanner.fault("nested too deeply"));
    }
    match scanner.peek() {
        Some(b'"' | b'\'') => scanner.string().map(Value::Text),
        Some(b'[') => list(scanner, depth),
        Some(b'{') => inline_table(scanner, depth),
        _ => scanner.scalar(),
    }
}

fn list(scanner: &mut Scanner<'_>, depth: usize) -> Result<Value, Fault> {
    scanner.take(b'[');
    let mut items = Vec::new();
    loop {
        scanner.skip_blank_lines()?;
        if scanner.take(b']') {
            return Ok(Value::List(items));
        }
        items.push(value(scanner, depth + 1)?);
        scanner.skip_blank_lines()?;
        if !scanner.take(b',') {
            scanner.expect(b']', "expected ',' or ']' in the list")?;
            return Ok(Value::List(items));
        }
    }
}

fn inline_table(scanner: &mut Scanner<'_>, depth: usize) -> Result<Value, Fault> {
    scanner.take(b'{');
    let mut table = Table::new(Origin::Inline);
    loop {
        scanner.skip_blank_lines()?;
        if scanner.take(b'}') {
            return Ok(Value::Table(table));
        }
        pair(scanner, &mut table, depth + 1)?;
        scanner.skip_blank_lines()?;
        if !scanner.take(b',') {
            scanner.expect(b'}', "expected ',' or '}' in the inline table")?;
            return Ok(Value::Table(table));
        }
    }
}
