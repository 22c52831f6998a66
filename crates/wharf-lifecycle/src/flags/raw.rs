//! What was typed, with where it came from.
use super::{
    Default, Row,
    go::{Parsed, parse_bool},
};
use crate::{environment::Environment, phase::Phase};
use std::fmt;
use wharf_spec::api::PlatformApi;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    Flag(&'static str),
    /// A variable.
    Variable(&'static str),
    /// The table.
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "-{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::Default(name) => write!(f, "the default of -{name}"),
        }
    }
}

/// A value of the wrong kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Neither true nor false.
    #[error("{origin} is '{text}', expected true or false")]
    Bool {
        /// Where it came from.
        origin: Origin,
        /// What it is.
        text: String,
    },
    /// No user or group id.
    #[error("{origin} is '{text}', expected a number from 0 to 4294967295")]
    Number {
        /// Where it came from.
        origin: Origin,
        /// What it is.
        text: String,
    },
    /// Not text.
    #[error("{variable} is not UTF-8")]
    NotText {
        /// The variable.
        variable: &'static str,
    },
}

/// Command line and environment of one invocation. An empty value is none.
#[derive(Debug, Clone)]
pub(crate) struct RawInputs {
    pub(crate) phase: Phase,
    pub(crate) api: PlatformApi,
    pub(crate) environment: Environment,
    parsed: Parsed,
}

impl RawInputs {
    pub(crate) fn new(
        phase: Phase,
        api: PlatformApi,
        environment: Environment,
        parsed: Parsed,
    ) -> Self {
        Self {
            phase,
            api,
            environment,
            parsed,
        }
    }

    pub(crate) fn positionals(&self) -> &[String] {
        &self.parsed.positionals
    }

    /// The value given by flag, else by variable.
    pub(crate) fn given(&self, row: &Row) -> Result<Option<(Origin, String)>, ValueError> {
        let Some(used) = row.used_by(self.phase, self.api) else {
            return Ok(None);
        };
        let by_flag = self
            .parsed
            .flags
            .iter()
            .rev()
            .find(|(name, _)| used.flag && *name == row.name);
        if let Some((_, value)) = by_flag.filter(|(_, value)| !value.is_empty()) {
            return Ok(Some((Origin::Flag(row.name), value.clone())));
        }
        for variable in row.variables {
            if let Some(value) = self.environment.text(variable)? {
                return Ok(Some((Origin::Variable(variable), value.to_owned())));
            }
        }
        Ok(None)
    }

    /// The value given, else a plain default.
    pub(crate) fn text(&self, row: &Row) -> Result<Option<(Origin, String)>, ValueError> {
        let given = self.given(row)?;
        Ok(given.or_else(|| match row.default {
            Default::Text(text) => Some((Origin::Default(row.name), text.to_owned())),
            Default::Nothing | Default::InLayers(_) | Default::Order(_) => None,
        }))
    }

    pub(crate) fn bool(&self, row: &Row) -> Result<bool, ValueError> {
        let Some((origin, text)) = self.given(row)? else {
            return Ok(false);
        };
        parse_bool(text.trim()).ok_or(ValueError::Bool { origin, text })
    }

    pub(crate) fn number(&self, row: &Row) -> Result<Option<u32>, ValueError> {
        let Some((origin, text)) = self.given(row)? else {
            return Ok(None);
        };
        match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(ValueError::Number { origin, text }),
        }
    }

    /// The variable's list, then every flag; empty items are dropped.
    pub(crate) fn list(&self, row: &Row) -> Result<Vec<String>, ValueError> {
        let mut items = Vec::new();
        if row.used_by(self.phase, self.api).is_none() {
            return Ok(items);
        }
        for variable in row.variables {
            if let Some(text) = self.environment.text(variable)? {
                items.extend(text.split(',').map(|item| item.trim().to_owned()));
            }
        }
        let flags = self.parsed.flags.iter();
        items.extend(
            flags
                .filter(|(name, _)| *name == row.name)
                .map(|(_, value)| value.clone()),
        );
        items.retain(|item| !item.is_empty());
        Ok(items)
    }
}
