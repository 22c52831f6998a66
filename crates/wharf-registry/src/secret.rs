//! Text that is never printed.
use std::fmt;

/// A password, token or header value. It has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// What follows the scheme in the value of an `Authorization` header.
    pub(crate) fn value(&self) -> Self {
        let value = self
            .0
            .split_once(' ')
            .map_or(self.0.as_str(), |(_, value)| value);
        Self::new(value)
    }

    /// `text` with all `secrets` blotted out, for words that come from a server. What is too short to be one stays.
    pub(crate) fn redact_all(text: &str, secrets: &[Self]) -> String {
        secrets
            .iter()
            .filter(|secret| secret.0.len() >= 4)
            .fold(text.to_owned(), |text, secret| {
                text.replace(&secret.0, "***")
            })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
