//! What images run on.
use std::fmt;

/// What an image runs on, in OCI spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`.
    pub architecture: String,
    /// `v8`; `None` matches any.
    pub variant: Option<String>,
}

impl Platform {
    /// What every single image serves; it chooses nothing from an index.
    pub const fn any() -> Self {
        Self {
            os: String::new(),
            architecture: String::new(),
            variant: None,
        }
    }

    /// Whether something offered for `self` runs where `wanted` is asked for. What either side leaves empty matches
    /// anything: cache images of the reference lifecycle name no architecture. `arm64` and `arm64/v8` are the same.
    pub fn serves(&self, wanted: &Self) -> bool {
        let either = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
        either(&self.os, &wanted.os)
            && either(&self.architecture, &wanted.architecture)
            && either(self.variant_text(), wanted.variant_text())
    }

    /// The variant, empty when there is none or it goes without saying.
    pub(crate) fn variant_text(&self) -> &str {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm64", Some("v8")) | (_, None) => "",
            (_, Some(variant)) => variant,
        }
    }
}

/// `os/architecture[/variant]`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |text: &str| {
            if text.is_empty() {
                "any".to_owned()
            } else {
                text.to_owned()
            }
        };
        write!(f, "{}/{}", word(&self.os), word(&self.architecture))?;
        match &self.variant {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}"),
            _ => Ok(()),
        }
    }
}
