//! The environment as a value: read once, by whoever owns `main`.
use crate::flags::ValueError;
use std::{collections::BTreeMap, ffi::OsString};

/// Variables of a process.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

// Values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The text of a variable; `None` when it is not set or blank.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, ValueError> {
        match self.0.get(&OsString::from(name)) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
                None => Err(ValueError::NotText { variable: name }),
            },
        }
    }

    /// The value of a variable; `None` when it is not set or empty.
    pub(crate) fn value(&self, name: &str) -> Option<&OsString> {
        self.0
            .get(&OsString::from(name))
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.insert(name.into(), value.into());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (OsString, OsString)> + '_ {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}
