//! Image references: `[registry/]repository[:tag][@digest]`.
use crate::digest::Digest;
use alloc::{
    format,
    string::{String, ToString},
};
use core::{fmt, str::FromStr};

/// The registry a reference without one belongs to.
pub const DEFAULT_REGISTRY: &str = "index.docker.io";
/// The tag a reference without one means.
pub const DEFAULT_TAG: &str = "latest";

/// A reference to an image in a registry.
///
/// Two references are equal when they mean the same image; printing gives back the text that was parsed.
#[derive(Clone)]
pub struct Reference {
    text: String,
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A text that is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an image reference: {rule}")]
pub struct ReferenceError {
    /// The offending text.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl Reference {
    /// `host[:port]` of the registry.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository, without the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `latest` when the text has neither tag nor digest.
    pub fn tag(&self) -> Option<&str> {
        match (&self.tag, self.digest) {
            (Some(tag), _) => Some(tag),
            (None, None) => Some(DEFAULT_TAG),
            (None, Some(_)) => None,
        }
    }

    /// The digest, when the reference is pinned.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// `registry/repository`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// What follows the repository in a request: the digest if there is one, else the tag.
    pub fn identifier(&self) -> String {
        self.digest.map_or_else(
            || self.tag().unwrap_or(DEFAULT_TAG).to_string(),
            |digest| digest.to_string(),
        )
    }

    /// The same repository, pinned to `digest`.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self {
            text: format!("{}@{digest}", self.name()),
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            tag: None,
            digest: Some(digest),
        }
    }

    /// Whether both are in one repository of one registry.
    pub fn same_repository(&self, other: &Self) -> bool {
        self.registry == other.registry && self.repository == other.repository
    }
}

impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        self.same_repository(other) && self.tag() == other.tag() && self.digest == other.digest
    }
}

impl Eq for Reference {}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let error = |rule| ReferenceError {
            text: text.to_string(),
            rule,
        };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest
                    .parse()
                    .map_err(|_| error("after '@' comes sha256: and 64 hex digits"))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(error(
                "a tag has up to 128 letters, digits, '_', '.' and '-', and starts with none of '.-'",
            ));
        }
        let (registry, repository) = split_registry(name);
        if !is_host(registry) {
            return Err(error(
                "the registry is not a host name with an optional port",
            ));
        }
        if !repository.split('/').all(is_path_component) || repository.len() > 255 {
            return Err(error(
                "a repository has lower-case letters and digits, separated by '/', '.', '-', '_' or '__'",
            ));
        }
        let library = registry == DEFAULT_REGISTRY && !repository.contains('/');
        Ok(Self {
            text: text.to_string(),
            registry: registry.to_string(),
            repository: if library {
                format!("library/{repository}")
            } else {
                repository.to_string()
            },
            tag: tag.map(ToString::to_string),
            digest,
        })
    }
}

/// The first component names a registry only if it looks like a host.
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some(("docker.io" | "registry-1.docker.io", rest)) => (DEFAULT_REGISTRY, rest),
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
        _ => (DEFAULT_REGISTRY, name),
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host_ok = match bare {
        Some(address) => {
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
        }
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
        }
    };
    host_ok && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&text.len())
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

/// Runs of letters and digits joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let edges_ok = text.bytes().next().is_some_and(alphanumeric)
        && text.bytes().last().is_some_and(alphanumeric);
    let separators = text
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .filter(|run| !run.is_empty());
    edges_ok
        && separators
            .into_iter()
            .all(|run| matches!(run, "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn parts(text: &str) -> (String, String, Option<String>, bool) {
        let reference: Reference = text.parse().unwrap();
        (
            reference.registry().into(),
            reference.repository().into(),
            reference.tag().map(Into::into),
            reference.digest().is_some(),
        )
    }

    #[test]
    fn fills_in_registry_library_and_tag() {
        let own = |a: &str, b: &str, c: Option<&str>, d| (a.into(), b.into(), c.map(Into::into), d);
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(
            parts("debian"),
            own(DEFAULT_REGISTRY, "library/debian", Some("latest"), false)
        );
        assert_eq!(
            parts("docker.io/me/x:1"),
            own(DEFAULT_REGISTRY, "me/x", Some("1"), false)
        );
        assert_eq!(
            parts("localhost/x"),
            own("localhost", "x", Some("latest"), false)
        );
        assert_eq!(
            parts("127.0.0.1:5000/a/b_c:v1"),
            own("127.0.0.1:5000", "a/b_c", Some("v1"), false)
        );
        assert_eq!(
            parts("[::1]:5000/a"),
            own("[::1]:5000", "a", Some("latest"), false)
        );
        assert_eq!(
            parts(&format!("r.io/a@{digest}")),
            own("r.io", "a", None, true)
        );
        assert_eq!(
            parts(&format!("r.io/a:t@{digest}")),
            own("r.io", "a", Some("t"), true)
        );
    }

    #[test]
    fn refuses_what_is_not_a_reference() {
        let bad = [
            "",
            "UPPER",
            "a/../b",
            "a:",
            "a:.x",
            "r.io/",
            "r.io:port/a",
            "a@sha256:12",
            "a b",
            "a//b",
            "-a",
            "a___b",
        ];
        let parsed: Vec<_> = bad
            .iter()
            .filter(|text| text.parse::<Reference>().is_ok())
            .collect();
        assert!(parsed.is_empty(), "{parsed:?}");
    }

    #[test]
    fn prints_what_was_typed_and_compares_what_is_meant() {
        let short: Reference = "debian".parse().unwrap();
        let long: Reference = "index.docker.io/library/debian:latest".parse().unwrap();
        assert_eq!(short.to_string(), "debian");
        assert_eq!(short, long);
    }
}
