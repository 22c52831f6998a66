//! An environment as a value.
//!
//! Names and values are bytes. With the feature `std` they can be given and read as [`OsStr`], which is what
//! programs on a standard library speak; the launcher lives without one.
use alloc::{borrow::ToOwned, collections::BTreeMap, vec::Vec};
#[cfg(feature = "std")]
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

/// Variables by name. A variable without a value counts as unset, as the reference has it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<Vec<u8>, Vec<u8>>);

impl Env {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value as bytes; `None` when unset or empty.
    pub fn get_bytes(&self, name: &[u8]) -> Option<&[u8]> {
        let value = self.0.get(name).map(Vec::as_slice);
        value.filter(|value| !value.is_empty())
    }

    /// Sets a variable.
    pub fn set_bytes(&mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.0.insert(name.into(), value.into());
    }

    /// Removes a variable.
    pub fn remove_bytes(&mut self, name: &[u8]) {
        self.0.remove(name);
    }

    /// Puts `value` before the current value, with `delimiter` between them when there is one.
    pub fn prepend_bytes(&mut self, name: &[u8], value: &[u8], delimiter: &[u8]) {
        let joined = join(value, self.get_bytes(name), delimiter);
        self.set_bytes(name, joined);
    }

    /// Puts `value` after the current value, with `delimiter` between them when there is one.
    pub fn append_bytes(&mut self, name: &[u8], value: &[u8], delimiter: &[u8]) {
        let joined = match self.get_bytes(name) {
            Some(current) => join(current, Some(value), delimiter),
            None => value.to_owned(),
        };
        self.set_bytes(name, joined);
    }

    /// Names and values as bytes, sorted by name.
    pub fn iter_bytes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}

impl core::fmt::Debug for Env {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let lossy = alloc::string::String::from_utf8_lossy;
        let pairs = self
            .iter_bytes()
            .map(|(name, value)| (lossy(name), lossy(value)));
        f.debug_map().entries(pairs).finish()
    }
}

#[cfg(feature = "std")]
impl Env {
    /// The value; `None` when unset or empty.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.get_bytes(name.as_ref().as_bytes())
            .map(OsStr::from_bytes)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.set_bytes(name.into().into_vec(), value.into().into_vec());
    }

    /// Removes a variable.
    pub fn remove(&mut self, name: impl AsRef<OsStr>) {
        self.remove_bytes(name.as_ref().as_bytes());
    }

    /// Puts `value` before the current value, with `delimiter` between them when there is one.
    pub fn prepend(&mut self, name: &OsStr, value: &OsStr, delimiter: &OsStr) {
        self.prepend_bytes(name.as_bytes(), value.as_bytes(), delimiter.as_bytes());
    }

    /// Puts `value` after the current value, with `delimiter` between them when there is one.
    pub fn append(&mut self, name: &OsStr, value: &OsStr, delimiter: &OsStr) {
        self.append_bytes(name.as_bytes(), value.as_bytes(), delimiter.as_bytes());
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.iter_bytes()
            .map(|(name, value)| (OsStr::from_bytes(name), OsStr::from_bytes(value)))
    }
}

#[cfg(feature = "std")]
impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let bytes = |text: OsString| text.into_vec();
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(name, value)| (bytes(name.into()), bytes(value.into())))
                .collect(),
        )
    }
}

fn join(first: &[u8], second: Option<&[u8]>, delimiter: &[u8]) -> Vec<u8> {
    let mut joined = first.to_owned();
    if let Some(second) = second {
        joined.extend_from_slice(delimiter);
        joined.extend_from_slice(second);
    }
    joined
}
