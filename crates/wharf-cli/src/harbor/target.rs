//! What a command is about, and the clients for it.
use crate::{arguments::CommonArguments, console::Hint, stores::Stores};
use anyhow::{Context, Result, anyhow};
use std::sync::Arc;
use wharf_harbor::Harbor;
use wharf_registry::RegistryStore;
use wharf_spec::reference::Reference;

/// A Harbor, and a project or repository in it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// `host[:port]`.
    pub(crate) host: String,
    /// The project.
    pub(crate) project: Option<String>,
    /// Name within the project.
    pub(crate) repository: Option<String>,
}

impl Target {
    /// From `HOST[/PROJECT[/REPOSITORY]]`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let hint = || {
            Hint("write HOST/PROJECT or HOST/PROJECT/REPOSITORY, without tag or digest".to_owned())
        };
        let bare = text.trim_end_matches('/');
        let (host, rest) = match bare.split_once('/') {
            Some((host, rest)) => (host, Some(rest)),
            None => (bare, None),
        };
        let reference: Reference = format!("{host}/{}", rest.unwrap_or("any"))
            .parse()
            .map_err(|error| anyhow!("understand '{text}': {error}").context(hint()))?;
        let is_plain = reference.name() == format!("{host}/{}", rest.unwrap_or("any"));
        if !is_plain || reference.registry() != host {
            return Err(anyhow!("understand '{text}': it is no place in a Harbor").context(hint()));
        }
        let (project, repository) = match rest.and_then(|rest| rest.split_once('/')) {
            Some((project, repository)) => (Some(project), Some(repository)),
            None => (rest, None),
        };
        Ok(Self {
            host: host.to_owned(),
            project: project.map(ToOwned::to_owned),
            repository: repository.map(ToOwned::to_owned),
        })
    }

    /// The clients, with the caller's credentials. Makes sure that it is a Harbor.
    pub(crate) fn connect(&self, common: &CommonArguments) -> Result<(Arc<RegistryStore>, Harbor)> {
        let name = format!("{}/{}", self.host, self.project.as_deref().unwrap_or("any"));
        let reference: Reference = name.parse().context("understand target")?;
        let store = Stores::new(common)?.registry_store(std::slice::from_ref(&reference))?;
        let harbor = Harbor::new(store.api(&reference));
        if !harbor.is_harbor()? {
            let hint = Hint("quotas and tags of digests are known to Harbor alone".to_owned());
            return Err(anyhow!("ask '{}': it is not a Harbor", self.host).context(hint));
        }
        Ok((Arc::new(store), harbor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hosts_projects_and_repositories() {
        let parts = |text: &str| {
            Target::parse(text)
                .map(|target| (target.host, target.project, target.repository))
                .ok()
        };
        let own = |text: &str| Some(text.to_owned());
        assert_eq!(
            parts("h.example"),
            Some(("h.example".to_owned(), None, None))
        );
        assert_eq!(
            parts("h.example:8443/team/"),
            Some(("h.example:8443".to_owned(), own("team"), None))
        );
        assert_eq!(
            parts("h.example/team/web/app"),
            Some(("h.example".to_owned(), own("team"), own("web/app")))
        );
        assert_eq!(parts("h.example/team/app:latest"), None);
        assert_eq!(parts("team/app"), None);
    }
}
