//! The files of an `env` directory as a change to an environment (buildpack spec, "Environment Variable
//! Modification Rules").
use crate::Env;
use alloc::{borrow::ToOwned, vec::Vec};
#[cfg(feature = "std")]
use std::{
    ffi::OsString as FileName,
    os::unix::ffi::{OsStrExt, OsStringExt},
};

#[cfg(not(feature = "std"))]
type FileName = Vec<u8>;

/// One file of an `env` directory. The content is kept byte for byte, a trailing newline included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// File name: the variable with an optional suffix.
    pub name: FileName,
    /// Content.
    pub content: Vec<u8>,
}

impl EnvFile {
    /// A file by the bytes of its name.
    pub fn from_bytes(name: Vec<u8>, content: Vec<u8>) -> Self {
        #[cfg(feature = "std")]
        let name = FileName::from_vec(name);
        Self { name, content }
    }

    fn name_bytes(&self) -> &[u8] {
        #[cfg(feature = "std")]
        return self.name.as_bytes();
        #[cfg(not(feature = "std"))]
        return &self.name;
    }
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
    name: Vec<u8>,
    action: Action,
    value: Vec<u8>,
    delimiter: Vec<u8>,
}

/// A change to an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvDelta(Vec<Change>);

impl EnvDelta {
    /// Reads the meaning of the files of one directory. They apply in byte order of their names; a `.delim` file
    /// holds the delimiter of its variable's `.append` and `.prepend` (none when missing). A file with an unknown
    /// suffix does nothing, and neither does one whose name is no variable: empty, or with `=` in it.
    pub fn from_files(files: &[EnvFile], unsuffixed: Unsuffixed) -> Self {
        Self::from_directories(&[files], unsuffixed)
    }

    /// Like [`from_files`](Self::from_files) for the directories of one layer, `env` first: they apply one after the
    /// other, and a delimiter in any of them holds for the whole layer where the own directory has none.
    pub fn from_directories(directories: &[&[EnvFile]], unsuffixed: Unsuffixed) -> Self {
        let mut changes = Vec::new();
        for files in directories {
            let mut sorted: Vec<&EnvFile> = files.iter().collect();
            sorted.sort_by(|a, b| a.name.cmp(&b.name));
            for file in sorted {
                let (name, suffix) = split(file.name_bytes());
                let Some(action) = action(suffix, unsuffixed).filter(|_| is_variable(name)) else {
                    continue;
                };
                let delimiter = core::iter::once(files)
                    .chain(directories)
                    .find_map(|files| delimiter(files, name));
                changes.push(Change {
                    name: name.to_owned(),
                    action,
                    value: file.content.clone(),
                    delimiter: delimiter.unwrap_or_default(),
                });
            }
        }
        Self(changes)
    }

    /// Makes the change.
    pub fn apply(&self, env: &mut Env) {
        for change in &self.0 {
            match change.action {
                Action::Append => env.append_bytes(&change.name, &change.value, &change.delimiter),
                Action::Prepend => {
                    env.prepend_bytes(&change.name, &change.value, &change.delimiter);
                }
                Action::Override => env.set_bytes(change.name.as_slice(), change.value.as_slice()),
                Action::Default if env.get_bytes(&change.name).is_none() => {
                    env.set_bytes(change.name.as_slice(), change.value.as_slice());
                }
                Action::Default => {}
            }
        }
    }
}

fn action(suffix: Option<&[u8]>, unsuffixed: Unsuffixed) -> Option<Action> {
    match suffix {
        None if unsuffixed == Unsuffixed::Override => Some(Action::Override),
        None | Some(b"default") => Some(Action::Default),
        Some(b"append") => Some(Action::Append),
        Some(b"override") => Some(Action::Override),
        Some(b"prepend") => Some(Action::Prepend),
        Some(_) => None,
    }
}

fn delimiter(files: &[EnvFile], name: &[u8]) -> Option<Vec<u8>> {
    let is_delimiter =
        |file: &&EnvFile| split(file.name_bytes()) == (name, Some(b"delim".as_slice()));
    let file = files.iter().find(is_delimiter)?;
    Some(file.content.clone())
}

/// Whether `name` can be the name of a variable at all.
pub(crate) fn is_variable(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&b'=')
}

/// Variable and suffix; the suffix begins after the first dot.
fn split(file: &[u8]) -> (&[u8], Option<&[u8]>) {
    match file.iter().position(|byte| *byte == b'.') {
        Some(dot) => (&file[..dot], Some(&file[dot + 1..])),
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

    #[test]
    fn a_delimiter_holds_for_the_whole_layer_and_no_further() {
        let env_files = files(&[("A.append", "1"), ("A.delim", ":"), ("B.append", "1")]);
        let build_files = files(&[("A.append", "2"), ("B.append", "2"), ("B.delim", ";")]);
        let mut env: Env = [("A", "0"), ("B", "0")].into_iter().collect();
        EnvDelta::from_directories(&[&env_files, &build_files], Unsuffixed::Override)
            .apply(&mut env);
        let next_layer = files(&[("A.append", "3"), ("B.prepend", "3")]);
        EnvDelta::from_files(&next_layer, Unsuffixed::Override).apply(&mut env);
        assert_eq!(
            env,
            [("A", "0:1:23"), ("B", "30;1;2")].into_iter().collect()
        );
    }

    #[test]
    fn file_names_that_are_no_variables_do_nothing() {
        let list = [(".append", "x"), ("A=B", "x"), ("", "x"), (".hidden", "x")];
        assert_eq!(after(&[], &list, Unsuffixed::Override), Env::new());
    }
}
