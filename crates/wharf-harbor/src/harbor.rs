//! What is read: one function per call.
use crate::{
    error::{self, HarborError, HarborErrorKind, Known},
    list::{ArtifactQuery, Listing, PAGE_LIMIT, PAGE_SIZE},
    model::{
        Artifact, Health, ImmutableRule, Label, Project, ProjectQuota, Quota, Repository, Summary,
    },
    names,
    pages::Pages,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;
use wharf_registry::{ApiAnswer, ApiClient, ApiFailure, ApiMethod};

pub(crate) const PREFIX: &str = "/api/v2.0";

/// A Harbor with one account.
#[derive(Debug, Clone)]
pub struct Harbor {
    api: ApiClient,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    harbor_version: Option<String>,
}

type Resources = BTreeMap<String, i64>;

#[derive(Deserialize)]
struct RawQuota {
    #[serde(default)]
    hard: Resources,
    #[serde(default)]
    used: Resources,
}

#[derive(Deserialize)]
struct RawSummary {
    #[serde(default)]
    repo_count: u64,
    #[serde(default)]
    quota: Option<RawQuota>,
}

#[derive(Deserialize)]
struct RawProjectQuota {
    id: u64,
    #[serde(default, rename = "ref")]
    reference: Value,
    #[serde(flatten)]
    quota: RawQuota,
}

impl Harbor {
    /// The API behind a registry. No request is made.
    pub fn new(api: ApiClient) -> Self {
        Self { api }
    }

    /// `host[:port]`.
    pub fn registry(&self) -> &str {
        self.api.registry()
    }

    /// Whether the registry refers to Harbor's token service. It costs nothing once the registry was talked to, and may
    /// be wrong either way.
    pub fn is_likely(&self) -> bool {
        self.api.token_service().as_deref() == Some(crate::TOKEN_SERVICE)
    }

    /// Whether it is a Harbor: one request, for which no account is needed.
    pub fn is_harbor(&self) -> Result<bool, HarborError> {
        let what = ("recognise", "Harbor");
        match self.call(what, ApiMethod::Get, &format!("{PREFIX}/ping"), None) {
            Ok(answer) => Ok([&b"Pong"[..], b"\"Pong\""].contains(&answer.body.trim_ascii())),
            Err(HarborError {
                kind: HarborErrorKind::Store(kind),
                ..
            }) => Err(self.failure(what.0, what.1, HarborErrorKind::Store(kind))),
            Err(_) => Ok(false),
        }
    }

    /// The version, such as `v2.13.0-abcdef12`; Harbor tells it to those who are logged in.
    pub fn version(&self) -> Result<Known<String>, HarborError> {
        let info: Info = self.get(("read version of", "Harbor"), "/systeminfo")?;
        Ok(match info.harbor_version {
            Some(version) => Known::Yes(version),
            None => Known::No("Harbor tells its version to accounts only".to_owned()),
        })
    }

    /// The state of its components.
    pub fn health(&self) -> Result<Health, HarborError> {
        self.get(("read health of", "Harbor"), "/health")
    }

    /// A project; `None` when there is none. Unknown where the account may not see it.
    pub fn project(&self, name: &str) -> Result<Known<Option<Project>>, HarborError> {
        let path = format!("/projects/{}", names::encode(name));
        error::unless_forbidden(match self.get(("read project", name), &path) {
            Ok(project) => Ok(Some(project)),
            Err(HarborError {
                kind: HarborErrorKind::NotFound { .. },
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        })
    }

    /// A project at a glance; its quota is unknown where the account may not see it.
    pub fn summary(&self, project: &str) -> Result<Known<Summary>, HarborError> {
        let path = format!("/projects/{}/summary", names::encode(project));
        let summary = self.get::<RawSummary>(("read summary of project", project), &path);
        error::unless_forbidden(summary.map(|summary| {
            Summary {
                repo_count: summary.repo_count,
                quota: summary
                    .quota
                    .and_then(|quota| Quota::from_lists(&quota.hard, &quota.used))
                    .map_or_else(
                        || {
                            let why = "the account lacks quota:read, or quotas are turned off";
                            Known::No(why.to_owned())
                        },
                        Known::Yes,
                    ),
            }
        }))
    }

    /// The quotas of all projects, the fullest first; for administrators.
    pub fn quotas(&self) -> Result<Known<Vec<ProjectQuota>>, HarborError> {
        let pages = self.list::<RawProjectQuota>(Listing::Quotas, "list quotas", "", PAGE_LIMIT);
        let quotas = pages.collect_all().map(|quotas| {
            let named =
                |quota: &RawProjectQuota| Some(quota.reference.get("name")?.as_str()?.to_owned());
            let quotas = quotas.into_iter().map(|quota| ProjectQuota {
                id: quota.id,
                project: named(&quota),
                quota: Quota::from_lists(&quota.quota.hard, &quota.quota.used),
            });
            quotas.collect()
        });
        error::unless_forbidden(quotas)
    }

    /// The projects the account may see.
    pub fn projects(&self) -> Pages<'_, Project> {
        self.list(Listing::Projects, "list projects", "", PAGE_LIMIT)
    }

    /// The repositories of a project, or all the account may see.
    pub fn repositories(&self, project: Option<&str>) -> Pages<'_, Repository> {
        let listing = match project {
            Some(project) => Listing::Repositories { project },
            None => Listing::AllRepositories,
        };
        self.list(listing, "list repositories of", "", PAGE_LIMIT)
    }

    /// The artifacts of a repository, named without its project.
    pub fn artifacts(
        &self,
        (project, repository): (&str, &str),
        query: &ArtifactQuery<'_>,
    ) -> Pages<'_, Artifact> {
        let listing = Listing::Artifacts {
            project,
            repository,
        };
        self.list(
            listing,
            "list artifacts of",
            &query.suffix(),
            query.page_size,
        )
    }

    /// The artifacts of a whole project. Before Harbor 2.11 the first page fails with
    /// [`HarborErrorKind::NotOffered`] or [`HarborErrorKind::NotFound`]: then list repositories.
    pub fn project_artifacts(
        &self,
        project: &str,
        query: &ArtifactQuery<'_>,
    ) -> Pages<'_, Artifact> {
        let listing = Listing::ProjectArtifacts { project };
        self.list(
            listing,
            "list artifacts of project",
            &query.suffix(),
            query.page_size,
        )
    }

    /// One artifact, by digest or tag; `None` when there is none.
    pub fn artifact(
        &self,
        (project, repository): (&str, &str),
        reference: &str,
    ) -> Result<Option<Artifact>, HarborError> {
        let path = format!(
            "{}?with_tag=true&with_accessory=true&with_label=true",
            artifact_path(project, repository, reference)
        );
        let subject = format!("{project}/{repository}@{reference}");
        match self.get(("read artifact", &subject), &path) {
            Ok(artifact) => Ok(Some(artifact)),
            Err(HarborError {
                kind: HarborErrorKind::NotFound { .. },
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The rules that protect tags of a project.
    pub fn immutable_rules(&self, project: &str) -> Pages<'_, ImmutableRule> {
        let listing = Listing::ImmutableRules { project };
        self.list(listing, "list immutable rules of", "", PAGE_LIMIT)
    }

    /// The labels of a project.
    pub fn labels(&self, project: u64) -> Pages<'_, Label> {
        self.list(
            Listing::Labels { project },
            "list labels of",
            "",
            PAGE_LIMIT,
        )
    }

    fn list<T: DeserializeOwned>(
        &self,
        listing: Listing<'_>,
        action: &'static str,
        suffix: &str,
        page_size: u32,
    ) -> Pages<'_, T> {
        let size = match page_size {
            0 => PAGE_SIZE,
            size => size.min(PAGE_LIMIT),
        };
        let path = format!("{PREFIX}{}{suffix}&page=1&page_size={size}", listing.path());
        Pages::start(self, action, listing.subject(), path)
    }

    fn get<T: DeserializeOwned>(
        &self,
        what: (&'static str, &str),
        path: &str,
    ) -> Result<T, HarborError> {
        let answer = self.call(what, ApiMethod::Get, &format!("{PREFIX}{path}"), None)?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.failure(what.0, what.1, HarborErrorKind::malformed(&error)))
    }

    /// Sends a request to a path with the API's prefix.
    pub(crate) fn call(
        &self,
        (action, subject): (&'static str, &str),
        method: ApiMethod,
        path: &str,
        body: Option<&Value>,
    ) -> Result<ApiAnswer, HarborError> {
        self.api
            .send(method, path, body)
            .map_err(|failure: ApiFailure| {
                self.failure(action, subject, HarborErrorKind::from_api(failure))
            })
    }

    pub(crate) fn failure(
        &self,
        action: &'static str,
        subject: &str,
        kind: HarborErrorKind,
    ) -> HarborError {
        HarborError {
            action,
            subject: subject.to_owned(),
            registry: self.api.registry().to_owned(),
            kind,
        }
    }
}

pub(crate) fn artifact_path(project: &str, repository: &str, reference: &str) -> String {
    format!(
        "/projects/{}/repositories/{}/artifacts/{}",
        names::encode(project),
        names::repository(repository),
        names::encode(reference)
    )
}
