//! The files of an `env` directory as a change to an environment (buildpack spec, "Environment Variable
//! Modification Rules").
use crate::Env;
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

/// One file of an `env` directory. The content is kept byte for byte, a trailing newline included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// File name: the variable with an optional suffix.
    pub name: OsString,
    /// Content.
    pub content: Vec<u8>,
}

/// What a file without a suffix does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsuffixed {
    /// Replaces the value (layers).
    Override,
    /// Sets the value when there is none (operator).
    Default,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Append,
    Default,
    Override,
    Prepend,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    name: OsString,
    action: Action,
    value: OsString,
    delimiter: OsString,
}

/// A change to an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvDelta(Vec<Change>);

impl EnvDelta {
    /// Reads the meaning of the files. They apply in byte order of their names; a `.delim` file holds the delimiter
    /// of its variable's `.append` and `.prepend` (none when missing); files with an unknown suffix do nothing.
    pub fn from_files(files: &[EnvFile], unsuffixed: Unsuffixed) -> Self {
        let mut sorted: Vec<&EnvFile> = files.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let delimiter = |name: &OsStr| {
            let mut file = name.to_owned();
            file.push(".delim");
            let found = files.iter().find(|other| other.name == file);
            found
                .map(|other| OsString::from_vec(other.content.clone()))
                .unwrap_or_default()
        };
        let change = |file: &&EnvFile| {
            let (name, suffix) = split(&file.name);
            let action = match suffix {
                None if unsuffixed == Unsuffixed::Override => Action::Override,
                None => Action::Default,
                Some(b"append") => Action::Append,
                Some(b"default") => Action::Default,
                Some(b"override") => Action::Override,
                Some(b"prepend") => Action::Prepend,
                Some(_) => return None,
            };
            let value = OsString::from_vec(file.content.clone());
            Some(Change {
                name: name.to_owned(),
                action,
                value,
                delimiter: delimiter(name),
            })
        };
        Self(sorted.iter().filter_map(change).collect())
    }

    /// Makes the change.
    pub fn apply(&self, env: &mut Env) {
        for change in &self.0 {
            match change.action {
                Action::Append => env.append(&change.name, &change.value, &change.delimiter),
                Action::Prepend => env.prepend(&change.name, &change.value, &change.delimiter),
                Action::Override => env.set(&change.name, &change.value),
                Action::Default if env.get(&change.name).is_none() => {
                    env.set(&change.name, &change.value)
                }
                Action::Default => {}
            }
        }
    }
}

/// Variable and suffix; the suffix begins after the first dot.
fn split(file: &OsStr) -> (&OsStr, Option<&[u8]>) {
    let bytes = file.as_bytes();
    match bytes.iter().position(|byte| *byte == b'.') {
        Some(dot) => (OsStr::from_bytes(&bytes[..dot]), Some(&bytes[dot + 1..])),
        None => (file, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Vec<EnvFile> {
        list.iter()
            .map(|(name, content)| EnvFile {
                name: name.into(),
                content: content.as_bytes().to_vec(),
            })
            .collect()
    }

    fn after(start: &[(&str, &str)], list: &[(&str, &str)], unsuffixed: Unsuffixed) -> Env {
        let mut env: Env = start.iter().copied().collect();
        EnvDelta::from_files(&files(list), unsuffixed).apply(&mut env);
        env
    }

    #[test]
    fn every_suffix_changes_a_set_and_an_unset_variable() {
        let list = [
            ("A.append", "x"),
            ("A.delim", ":"),
            ("B.prepend", "x"),
            ("B.delim", "; "),
            ("C.default", "x"),
            ("D.override", "x"),
            ("E", "x"),
            ("F.append", "x"),
            ("G.unknown", "x"),
        ];
        let start = [
            ("A", "a"),
            ("B", "b"),
            ("C", "c"),
            ("D", "d"),
            ("E", "e"),
            ("F", "f"),
            ("G", "g"),
        ];
        let expected = [
            ("A", "a:x"),
            ("B", "x; b"),
            ("C", "c"),
            ("D", "x"),
            ("E", "x"),
            ("F", "fx"),
            ("G", "g"),
        ];
        assert_eq!(
            after(&start, &list, Unsuffixed::Override),
            expected.into_iter().collect()
        );
        let unset = [
            ("A", "x"),
            ("B", "x"),
            ("C", "x"),
            ("D", "x"),
            ("E", "x"),
            ("F", "x"),
        ];
        assert_eq!(
            after(&[], &list, Unsuffixed::Override),
            unset.into_iter().collect()
        );
    }

    #[test]
    fn a_file_without_suffix_is_a_default_for_the_operator() {
        let list = [("A", "x"), ("B", "x")];
        assert_eq!(
            after(&[("A", "a")], &list, Unsuffixed::Default),
            [("A", "a"), ("B", "x")].into_iter().collect()
        );
    }

    #[test]
    fn values_keep_trailing_newlines_and_equal_signs() {
        assert_eq!(
            after(&[], &[("A", "k=v\n")], Unsuffixed::Override),
            [("A", "k=v\n")].into_iter().collect()
        );
    }

    #[test]
    fn an_empty_value_counts_as_unset() {
        let list = [("A.default", "x"), ("B.append", "x"), ("B.delim", ":")];
        let expected = [("A", "x"), ("B", "x")].into_iter().collect();
        assert_eq!(
            after(&[("A", ""), ("B", "")], &list, Unsuffixed::Override),
            expected
        );
    }
}
