//! Any registry as a source: its catalog, tags, manifests and configs.
use super::source::{OneRepository, chain, unreadable};
use std::sync::Arc;
use wharf_fleet::{Candidate, ListError, Pattern, Source};
use wharf_registry::RegistryStore;
use wharf_spec::reference::Reference;

/// All repositories of a registry that match.
#[derive(Debug)]
pub(crate) struct RegistrySource {
    pub(crate) store: Arc<RegistryStore>,
    pub(crate) host: String,
    pub(crate) repositories: Pattern,
}

impl Source for RegistrySource {
    fn list(&self, each: &mut dyn FnMut(Candidate)) -> Result<(), ListError> {
        let fail = |cause: Box<dyn std::error::Error + Send + Sync>| ListError {
            source_name: format!("the registry at {}", self.host),
            cause,
        };
        let any: Reference = format!("{}/any", self.host)
            .parse()
            .map_err(|error: wharf_spec::reference::ReferenceError| fail(error.into()))?;
        let repositories = self
            .store
            .catalog(&any)
            .map_err(|error| fail(error.into()))?;
        for name in repositories {
            if self.repositories.matches(&name) {
                self.repository(&format!("{}/{name}", self.host), each);
            }
        }
        Ok(())
    }
}

impl RegistrySource {
    fn repository(&self, name: &str, each: &mut dyn FnMut(Candidate)) {
        let tags = match name.parse::<Reference>() {
            Ok(reference) => self.store.tags(&reference).map_err(|error| chain(&error)),
            Err(error) => Err(error.to_string()),
        };
        let mut tags = match tags {
            Ok(tags) => tags,
            Err(why) => return each(unreadable(name.to_owned(), &why)),
        };
        tags.sort();
        let mut one = OneRepository::new(self.store.as_ref(), name.to_owned());
        for tag in tags {
            match format!("{name}:{tag}").parse() {
                Ok(reference) => one.add(&reference, each),
                Err(error) => each(unreadable(format!("{name}:{tag}"), &error)),
            }
        }
        one.finish(each);
    }
}
