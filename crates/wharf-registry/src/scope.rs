//! What a token allows: `repository:<name>:<actions>`.
use std::fmt;

/// Actions on a repository, each level including those before it; `Delete` stands alone as servers want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Action {
    Pull,
    PullPush,
    Delete,
    /// Of the registry itself: the list of its repositories.
    Catalog,
}

/// Actions on one repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Scope {
    repository: String,
    action: Action,
}

impl Scope {
    pub(crate) fn new(repository: &str, action: Action) -> Self {
        Self {
            repository: repository.to_owned(),
            action,
        }
    }

    pub(crate) fn pull(repository: &str) -> Self {
        Self::new(repository, Action::Pull)
    }

    pub(crate) fn push(repository: &str) -> Self {
        Self::new(repository, Action::PullPush)
    }

    /// For the list of all repositories.
    pub(crate) fn catalog() -> Self {
        Self::new("catalog", Action::Catalog)
    }

    /// Whether a token asked for with this scope can serve `wanted`.
    fn serves(&self, wanted: &Self) -> bool {
        self.repository == wanted.repository
            && (self.action == wanted.action
                || (self.action == Action::PullPush && wanted.action == Action::Pull))
    }
}

/// Whether a token asked for with `held` can serve all of `wanted`.
pub(crate) fn covers(held: &[Scope], wanted: &[Scope]) -> bool {
    wanted
        .iter()
        .all(|scope| held.iter().any(|own| own.serves(scope)))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions = match self.action {
            Action::Pull => "pull",
            Action::PullPush => "pull,push",
            Action::Delete => "delete",
            Action::Catalog => return f.write_str("registry:catalog:*"),
        };
        write!(f, "repository:{}:{actions}", self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_token_serves_pulls_of_its_repository_only() {
        let held = [Scope::push("a/b"), Scope::pull("c/d")];
        assert!(covers(&held, &[Scope::pull("a/b")]));
        assert!(covers(&held, &[Scope::push("a/b"), Scope::pull("c/d")]));
        assert!(!covers(&held, &[Scope::push("c/d")]));
        assert!(!covers(&held, &[Scope::new("a/b", Action::Delete)]));
    }

    #[test]
    fn prints_as_servers_read_it() {
        assert_eq!(Scope::push("a/b").to_string(), "repository:a/b:pull,push");
    }
}
