//! An environment as a value.
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

/// Variables by name. A variable without a value counts as unset, as the reference has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<OsString, OsString>);

impl Env {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value; `None` when unset or empty.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.0
            .get(name.as_ref())
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// Sets a variable.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.0.insert(name.into(), value.into());
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: impl AsRef<OsStr>) {
        self.0.remove(name.as_ref());
    }

    /// Puts `value` before the current value, with `delimiter` between them when there is one.
    pub fn prepend(&mut self, name: &OsStr, value: &OsStr, delimiter: &OsStr) {
        let joined = join(value, self.get(name), delimiter);
        self.set(name, joined);
    }

    /// Puts `value` after the current value, with `delimiter` between them when there is one.
    pub fn append(&mut self, name: &OsStr, value: &OsStr, delimiter: &OsStr) {
        let joined = match self.get(name) {
            Some(current) => join(current, Some(value), delimiter),
            None => value.to_owned(),
        };
        self.set(name, joined);
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

fn join(first: &OsStr, second: Option<&OsStr>, delimiter: &OsStr) -> OsString {
    let mut joined = first.to_owned();
    if let Some(second) = second {
        joined.push(delimiter);
        joined.push(second);
    }
    joined
}
