//! What a path of `/v2/` means.

/// A repository and what of it.
#[derive(Debug)]
pub(crate) struct Route {
    /// Empty for the registry itself.
    pub(crate) repository: String,
    pub(crate) to: To,
}

#[derive(Debug)]
pub(crate) enum To {
    Base,
    Catalog,
    Tags,
    Manifest(String),
    Blob(String),
    Uploads,
    Upload(String),
    Referrers(String),
}

pub(crate) fn parse(path: &str) -> Option<Route> {
    let rest = path.strip_prefix("/v2")?;
    let to = |repository: &str, to| {
        Some(Route {
            repository: repository.to_owned(),
            to,
        })
    };
    match rest {
        "" | "/" => return to("", To::Base),
        "/_catalog" => return to("", To::Catalog),
        _ => {}
    }
    let rest = rest.strip_prefix('/')?;
    if let Some(repository) = rest.strip_suffix("/tags/list") {
        return to(repository, To::Tags);
    }
    if let Some(repository) = rest
        .strip_suffix("/blobs/uploads/")
        .or_else(|| rest.strip_suffix("/blobs/uploads"))
    {
        return to(repository, To::Uploads);
    }
    let (head, last) = rest.rsplit_once('/')?;
    let last = last.to_owned();
    if let Some(repository) = head.strip_suffix("/blobs/uploads") {
        return to(repository, To::Upload(last));
    }
    if let Some(repository) = head.strip_suffix("/blobs") {
        return to(repository, To::Blob(last));
    }
    if let Some(repository) = head.strip_suffix("/manifests") {
        return to(repository, To::Manifest(last));
    }
    let repository = head.strip_suffix("/referrers")?;
    to(repository, To::Referrers(last))
}
