//! Lists of a registry: its repositories, the tags of one, and what refers to an image (OCI distribution specification, "Content Discovery").
use crate::{
    failure::Failure,
    location::Target,
    manifest,
    scope::Scope,
    session::{Call, Session},
};
use reqwest::{Method, Response, header::LINK};
use serde::Deserialize;
use wharf_image::{Referrer, StoreErrorKind};
use wharf_spec::digest::Digest;

/// Items of a page; servers may give fewer.
const PAGE: usize = 1000;
/// Largest page that is read.
const PAGE_LIMIT: usize = 16 << 20;
/// Pages of one list; more than this no honest registry has.
const PAGES: usize = 100_000;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    repositories: Option<Vec<String>>,
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Session {
    /// All repositories that the account may see.
    pub(crate) async fn catalog(&self) -> Result<Vec<String>, Failure> {
        let url = self
            .base()
            .await?
            .join("v2/_catalog")
            .map_err(|error| Failure::Final(StoreErrorKind::Unsupported(error.to_string())))?;
        let target = Target { url, trusted: true };
        self.pages(target, vec![Scope::catalog()]).await
    }

    /// All tags of a repository; none when there is no such repository.
    pub(crate) async fn tags(&self, repository: &str) -> Result<Vec<String>, Failure> {
        let target = self.endpoint(repository, "tags/list").await?;
        match self.pages(target, vec![Scope::pull(repository)]).await {
            Err(failure) if failure.status() == Some(404) => Ok(Vec::new()),
            tags => tags,
        }
    }

    /// What names `digest` as its subject: by the API, else by the tag that stands for it where there is none.
    pub(crate) async fn referrers(
        &self,
        repository: &str,
        digest: Digest,
    ) -> Result<Vec<Referrer>, Failure> {
        let scopes = vec![Scope::pull(repository)];
        let path = format!("referrers/{digest}");
        let mut target = self.endpoint(repository, &path).await?;
        let mut referrers = Vec::new();
        for _ in 0..PAGES {
            let call = Call::to(Method::GET, target.clone(), scopes.clone());
            let (response, body) = match self.fetch(&call, PAGE_LIMIT).await {
                Ok(answer) => answer,
                Err(failure) if is_without(&failure) && referrers.is_empty() => {
                    return self.tagged_referrers(repository, digest).await;
                }
                Err(failure) => return Err(failure),
            };
            let next = next(&response, &target);
            referrers.extend(entries(&body.unwrap_or_default()));
            match next {
                Some(next) if next.url != target.url => target = next,
                _ => break,
            }
        }
        Ok(referrers)
    }

    /// By the tag `sha256-<hex>` (OCI distribution specification, "Referrers Tag Schema").
    async fn tagged_referrers(
        &self,
        repository: &str,
        digest: Digest,
    ) -> Result<Vec<Referrer>, Failure> {
        let tag = format!("sha256-{}", digest.hex());
        let target = self.manifest_target(repository, &tag).await?;
        let call = Call::to(Method::GET, target, vec![Scope::pull(repository)]);
        let call = call.accept(manifest::ACCEPTED);
        match self.fetch(&call, PAGE_LIMIT).await {
            Ok((_, body)) => Ok(entries(&body.unwrap_or_default())),
            Err(failure) if failure.status() == Some(404) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    async fn pages(&self, mut target: Target, scopes: Vec<Scope>) -> Result<Vec<String>, Failure> {
        let size = PAGE.to_string();
        target.url.query_pairs_mut().append_pair("n", &size);
        let mut items = Vec::new();
        for _ in 0..PAGES {
            let call = Call::to(Method::GET, target.clone(), scopes.clone());
            let (response, body) = self.fetch(&call, PAGE_LIMIT).await?;
            let next = next(&response, &target);
            let page: Page =
                serde_json::from_slice(&body.unwrap_or_default()).map_err(|error| {
                    Failure::protocol(response.status(), &format!("its list is none: {error}"))
                })?;
            items.extend(page.repositories.or(page.tags).unwrap_or_default());
            match next {
                Some(next) if next.url != target.url => target = next,
                _ => return Ok(items),
            }
        }
        let why = "its list has no end".to_owned();
        Err(Failure::Final(StoreErrorKind::Unsupported(why)))
    }
}

/// Whether a registry has no API for referrers: servers say so in many ways.
fn is_without(failure: &Failure) -> bool {
    failure
        .status()
        .is_some_and(|status| (400..500).contains(&status) && ![401, 403, 429].contains(&status))
}

/// The entries of an index of referrers; what is none has none.
fn entries(bytes: &[u8]) -> Vec<Referrer> {
    let entries = wharf_image::index::parse(bytes).unwrap_or_default();
    let text = |value: Option<&serde_json::Value>| {
        value.and_then(|value| value.as_str().map(str::to_owned))
    };
    entries
        .into_iter()
        .map(|entry| Referrer {
            digest: entry.descriptor.digest,
            artifact_type: text(entry.descriptor.rest.get("artifactType")).unwrap_or_default(),
        })
        .collect()
}

/// The next page by `Link`, if it is on the same host.
fn next(response: &Response, target: &Target) -> Option<Target> {
    let links = response.headers().get_all(LINK).iter();
    let link = links
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find(|link| link.contains("rel=\"next\"") || link.contains("rel=next"))?;
    let path = link.trim().strip_prefix('<')?.split_once('>')?.0;
    let url = target.url.join(path).ok()?;
    let is_own = url.origin() == target.url.origin();
    is_own.then_some(Target { url, trusted: true })
}
