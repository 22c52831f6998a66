//! Where images of a fleet are.
use crate::location::{LayoutImage, Location};
use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
    str::FromStr,
};
use wharf_fleet::{Candidate, Content, Facts, ListError, Pattern, Source};
use wharf_image::{ImageStore, StoreError, Stored};
use wharf_spec::reference::Reference;

/// A source as it is named on the command line.
#[derive(Debug, Clone)]
pub enum SourceName {
    /// `harbor://HOST[/PROJECT-PATTERN]`.
    Harbor(String, Pattern),
    /// `registry://HOST[/REPOSITORY-PATTERN]`.
    Registry(String, Pattern),
    /// `file:PATH`.
    File(PathBuf),
    /// `-`.
    Stdin,
    /// `oci:DIR`.
    Layout(LayoutImage),
    /// A reference.
    Reference(Reference),
}

impl FromStr for SourceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = |rest: &str, all: &str| {
            let (host, pattern) = rest.split_once('/').unwrap_or((rest, ""));
            let pattern = if pattern.is_empty() { all } else { pattern };
            (host.to_owned(), Pattern::new(pattern))
        };
        if let Some(rest) = text.strip_prefix("harbor://") {
            let (host, pattern) = host(rest, "*");
            return Ok(Self::Harbor(host, pattern));
        }
        if let Some(rest) = text.strip_prefix("registry://") {
            let (host, pattern) = host(rest, "**");
            return Ok(Self::Registry(host, pattern));
        }
        if let Some(path) = text.strip_prefix("file:") {
            return Ok(Self::File(path.into()));
        }
        if text == "-" {
            return Ok(Self::Stdin);
        }
        match text.parse::<Location>() {
            Ok(Location::Layout(image)) => Ok(Self::Layout(image)),
            Ok(Location::Registry(reference)) => Ok(Self::Reference(reference)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The references of a list: one per line, `#` begins a comment.
pub(crate) fn read_list(name: &SourceName) -> io::Result<Vec<String>> {
    let mut text = String::new();
    match name {
        SourceName::Stdin => drop(io::stdin().read_to_string(&mut text)?),
        SourceName::File(path) => text = fs::read_to_string(path)?,
        _ => {}
    }
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim());
    Ok(lines
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
        .collect())
}

/// Images that are named one by one; tags of one digest come together.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    pub(crate) store: &'a dyn ImageStore,
    /// What was given, and not all of it may be a reference.
    pub(crate) names: Vec<String>,
}

impl Source for Named<'_> {
    fn list(&self, each: &mut dyn FnMut(Candidate)) -> Result<(), ListError> {
        let mut names: Vec<&String> = self.names.iter().collect();
        names.sort();
        names.dedup();
        let mut open: Option<OneRepository<'_>> = None;
        for name in names {
            let reference = match name.parse::<Reference>() {
                Ok(reference) => reference,
                Err(error) => {
                    each(unreadable(name.clone(), &error));
                    continue;
                }
            };
            let repository = reference.name();
            if open.as_ref().is_none_or(|one| one.name != repository) {
                if let Some(one) = open.take() {
                    one.finish(each);
                }
                open = Some(OneRepository::new(self.store, repository));
            }
            if let Some(one) = &mut open {
                one.add(&reference, each);
            }
        }
        if let Some(one) = open.take() {
            one.finish(each);
        }
        Ok(())
    }
}

/// The images of one repository, tag by tag.
pub(crate) struct OneRepository<'a> {
    store: &'a dyn ImageStore,
    name: String,
    found: Vec<Candidate>,
}

impl<'a> OneRepository<'a> {
    pub(crate) fn new(store: &'a dyn ImageStore, name: String) -> Self {
        Self {
            store,
            name,
            found: Vec::new(),
        }
    }

    /// Looks at a tag; its config is read only when no tag before it has the same digest.
    pub(crate) fn add(&mut self, reference: &Reference, each: &mut dyn FnMut(Candidate)) {
        let stored = match self.store.read_manifest(reference) {
            Ok(Some(stored)) => stored,
            Ok(None) => return each(unreadable(reference.to_string(), &"there is no such image")),
            Err(error) => return each(unreadable(reference.to_string(), &chain(&error))),
        };
        let digest = stored.digest();
        let tag = reference.tag().map(ToOwned::to_owned);
        let known = self
            .found
            .iter_mut()
            .find(|candidate| candidate.digest == Some(digest));
        if let Some(known) = known {
            known.tags.extend(tag);
            return;
        }
        let content = content(self.store, reference, stored)
            .unwrap_or_else(|error| Content::Unreadable { why: chain(&error) });
        self.found.push(Candidate {
            repository: self.name.clone(),
            digest: Some(digest),
            tags: tag.into_iter().collect(),
            content,
            pushed: None,
            pulled: None,
        });
    }

    pub(crate) fn finish(self, each: &mut dyn FnMut(Candidate)) {
        self.found.into_iter().for_each(each);
    }
}

fn content(
    store: &dyn ImageStore,
    reference: &Reference,
    stored: Stored,
) -> Result<Content, StoreError> {
    let is_artifact = |error: &StoreError| {
        matches!(
            &error.kind,
            wharf_image::StoreErrorKind::Image(wharf_image::ImageError::Unsupported { .. })
        )
    };
    let Ok(entries) = stored.entries() else {
        return Ok(Content::Artifact);
    };
    let Some(entries) = entries else {
        return match store.read_image(reference, stored) {
            Ok(image) => Ok(Content::Image(Facts::of(&image))),
            Err(error) if is_artifact(&error) => Ok(Content::Artifact),
            Err(error) => Err(error),
        };
    };
    let mut images = Vec::new();
    for entry in entries.iter().filter(|entry| entry.is_image()) {
        let pinned = reference.with_digest(entry.descriptor.digest);
        if let Some(manifest) = store.read_manifest(&pinned)? {
            images.push(Facts::of(&store.read_image(&pinned, manifest)?));
        }
    }
    Ok(Content::Index(images))
}

/// A candidate that stands for what could not be read.
pub(crate) fn unreadable(name: String, why: &dyn std::fmt::Display) -> Candidate {
    let reference = name.parse::<Reference>().ok();
    let tag = reference.as_ref().and_then(Reference::tag);
    Candidate {
        tags: tag.map(ToOwned::to_owned).into_iter().collect(),
        digest: reference.as_ref().and_then(Reference::digest),
        repository: reference.as_ref().map_or(name, Reference::name),
        content: Content::Unreadable {
            why: why.to_string(),
        },
        pushed: None,
        pulled: None,
    }
}

/// All tags of a layout directory.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) store: &'a dyn ImageStore,
    /// What the directory is called in the store; any tag.
    pub(crate) name: Reference,
    pub(crate) dir: PathBuf,
}

impl Source for Layout<'_> {
    fn list(&self, each: &mut dyn FnMut(Candidate)) -> Result<(), ListError> {
        let fail = |cause: Box<dyn std::error::Error + Send + Sync>| ListError {
            source_name: format!("the layout '{}'", self.dir.display()),
            cause,
        };
        let bytes = fs::read(self.dir.join("index.json")).map_err(|error| fail(error.into()))?;
        let entries = wharf_image::index::parse(&bytes).map_err(|error| fail(error.into()))?;
        let mut tags: Vec<&str> = entries
            .iter()
            .filter_map(|entry| entry.annotation("org.opencontainers.image.ref.name"))
            .collect();
        tags.sort_unstable();
        tags.dedup();
        let mut one = OneRepository::new(self.store, self.name.name());
        for tag in tags {
            match format!("{}:{tag}", self.name.name()).parse() {
                Ok(reference) => one.add(&reference, each),
                Err(error) => each(unreadable(format!("{}:{tag}", self.name.name()), &error)),
            }
        }
        one.finish(each);
        Ok(())
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        source = error.source();
    }
    text
}
