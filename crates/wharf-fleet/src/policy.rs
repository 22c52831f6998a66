//! `wharf-policy.toml`: what administrators allow.
//!
//! ```toml
//! [[run-images]]
//! name = "registry.example/base/run:*"
//! digest = "sha256:…"            # optional: this image and no other
//! signed-off-by = "ops@example"  # optional, for the report
//!
//! [[builders]]                   # for `wharf build --policy`
//! name = "registry.example/base/builder:*"
//!
//! [[projects]]
//! name = "registry.example/tool-*"
//! ```
//!
//! A table that is missing allows everything of its kind. Names are [patterns](Pattern), which always match as a whole.
use crate::pattern::Pattern;
use serde::Deserialize;
use wharf_spec::{digest::Digest, reference::Reference};

/// What is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// New bases.
    pub run_images: Option<Vec<Allowed>>,
    /// Builders. No image records which builder made it, so that this is for builds, not for a rebase.
    pub builders: Option<Vec<Allowed>>,
    /// Projects whose images may be changed.
    pub projects: Option<Vec<Allowed>>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Allowed {
    /// What it is called.
    pub name: Pattern,
    /// What it must be.
    pub digest: Option<String>,
    /// Who says so.
    pub signed_off_by: Option<String>,
}

/// A policy that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not what a policy looks like.
    #[error("parse the policy")]
    Toml(#[from] toml::de::Error),
    /// A digest is none.
    #[error("parse the policy: '{0}' is not a digest")]
    Digest(String),
}

/// An image that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use the {what} {name} with digest {digest}: the policy does not allow it")]
pub struct Refusal {
    what: &'static str,
    name: String,
    digest: Digest,
}

impl Policy {
    /// Reads a policy. What it does not know is an error: a typo must not allow everything.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = toml::from_str(text)?;
        let rules = [&policy.run_images, &policy.builders, &policy.projects];
        for rule in rules.into_iter().flatten().flatten() {
            let digest = rule.digest.as_ref();
            if let Some(digest) = digest.filter(|digest| digest.parse::<Digest>().is_err()) {
                return Err(PolicyError::Digest(digest.clone()));
            }
        }
        Ok(policy)
    }

    /// Whether the run image may be the new base.
    pub fn check_run_image(&self, reference: &Reference, digest: Digest) -> Result<(), Refusal> {
        let tagged = format!(
            "{}:{}",
            reference.name(),
            reference.tag().unwrap_or_default()
        );
        let names = [&reference.name(), &tagged, &reference.to_string()];
        check("run image", self.run_images.as_deref(), names, digest)
    }

    /// Whether builds may use the builder, which has these names: with and without tag, and as it is written.
    pub fn check_builder(&self, names: [&String; 3], digest: Digest) -> Result<(), Refusal> {
        check("builder", self.builders.as_deref(), names, digest)
    }

    /// Whether images of a project (`registry/project`) may be changed.
    pub fn allows_project(&self, project: &str) -> bool {
        let rules = self.projects.as_ref();
        rules.is_none_or(|rules| rules.iter().any(|rule| rule.name.matches(project)))
    }
}

fn check(
    what: &'static str,
    rules: Option<&[Allowed]>,
    names: [&String; 3],
    digest: Digest,
) -> Result<(), Refusal> {
    let text = digest.to_string();
    let allows = |rule: &Allowed| {
        names.iter().any(|name| rule.name.matches(name))
            && rule.digest.as_ref().is_none_or(|digest| *digest == text)
    };
    match rules {
        Some(rules) if !rules.iter().any(allows) => Err(Refusal {
            what,
            name: names[2].clone(),
            digest,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn check(policy: &str, reference: &str) -> bool {
        let policy = Policy::parse(policy).unwrap();
        let reference: Reference = reference.parse().unwrap();
        let digest = DIGEST.parse().unwrap();
        policy.check_run_image(&reference, digest).is_ok()
    }

    #[test]
    fn run_images_are_allowed_by_whole_name_and_digest() {
        let by_tag = "[[run-images]]\nname = \"r.example/base/run:24_*\"\n";
        assert!(check(by_tag, "r.example/base/run:24_1"));
        assert!(!check(by_tag, "r.example/base/run:22_1"));
        assert!(!check(by_tag, "r.example/evil/r.example/base/run:24_1"));
        let by_digest =
            format!("[[run-images]]\nname = \"r.example/run\"\ndigest = \"{DIGEST}\"\n");
        assert!(check(&by_digest, "r.example/run:any"));
        assert!(!check(
            &by_digest.replace("aaaa", "bbbb"),
            "r.example/run:any"
        ));
        assert!(check("", "r.example/run"));
        assert!(!check("run-images = []", "r.example/run"));
    }

    #[test]
    fn projects_are_allowed_by_whole_name() {
        let policy = Policy::parse("[[projects]]\nname = \"r.example/tool-*\"\n").unwrap();
        assert!(policy.allows_project("r.example/tool-a"));
        assert!(!policy.allows_project("r.example/my-tool-a"));
        assert!(Policy::default().allows_project("any"));
    }

    #[test]
    fn a_typo_is_an_error() {
        for text in [
            "[[run-image]]\nname = \"a\"",
            "[[projects]]\nnames = \"a\"",
            "[[run-images]]\nname = \"a\"\ndigest = \"sha256:short\"",
        ] {
            assert!(Policy::parse(text).is_err(), "{text}");
        }
    }
}
