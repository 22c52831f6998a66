//! What is listed, and how.
use crate::names;

/// Items of a page when nothing else is asked for.
pub const PAGE_SIZE: u32 = 50;
/// Items of a page at most.
pub const PAGE_LIMIT: u32 = 100;

/// A list of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing<'a> {
    /// All projects the account may see.
    Projects,
    /// All quotas, the fullest first; for administrators.
    Quotas,
    /// The repositories of a project.
    Repositories {
        /// The project.
        project: &'a str,
    },
    /// All repositories the account may see.
    AllRepositories,
    /// The artifacts of a repository.
    Artifacts {
        /// The project.
        project: &'a str,
        /// Name within the project.
        repository: &'a str,
    },
    /// The artifacts of a whole project; Harbor 2.11 and later.
    ProjectArtifacts {
        /// The project.
        project: &'a str,
    },
    /// The rules that protect tags of a project.
    ImmutableRules {
        /// The project.
        project: &'a str,
    },
    /// The labels of a project.
    Labels {
        /// Number of the project.
        project: u64,
    },
}

/// What of artifacts is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArtifactQuery<'a> {
    /// Items of a page, up to [`PAGE_LIMIT`]. Labels of image configs make artifacts tens of kilobytes large.
    pub page_size: u32,
    /// With Harbor's labels.
    pub labels: bool,
    /// With accessories.
    pub accessories: bool,
    /// With whether tags are immutable.
    pub immutable: bool,
    /// Harbor's filter, such as `media_type=application/vnd.oci.image.config.v1+json`; not encoded.
    pub filter: Option<&'a str>,
    /// Only the artifact that was pushed last to each repository; only for projects, and only with a filter for exactly
    /// one of `media_type` and `artifact_type`.
    pub latest_in_repository: bool,
}

impl Default for ArtifactQuery<'_> {
    fn default() -> Self {
        Self {
            page_size: PAGE_SIZE,
            labels: false,
            accessories: false,
            immutable: false,
            filter: None,
            latest_in_repository: false,
        }
    }
}

impl Listing<'_> {
    /// Path and query below `/api/v2.0`.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Projects => "/projects?sort=name".to_owned(),
            Self::Quotas => "/quotas?reference=project&sort=-used.storage".to_owned(),
            Self::Repositories { project } => {
                format!(
                    "/projects/{}/repositories?sort=name",
                    names::encode(project)
                )
            }
            Self::AllRepositories => "/repositories?sort=name".to_owned(),
            Self::Artifacts {
                project,
                repository,
            } => format!(
                "/projects/{}/repositories/{}/artifacts?with_tag=true",
                names::encode(project),
                names::repository(repository)
            ),
            Self::ProjectArtifacts { project } => {
                format!(
                    "/projects/{}/artifacts?with_tag=true",
                    names::encode(project)
                )
            }
            Self::ImmutableRules { project } => format!(
                "/projects/{}/immutabletagrules?sort=id",
                names::encode(project)
            ),
            Self::Labels { project } => format!("/labels?scope=p&project_id={project}"),
        }
    }

    /// For error messages.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Projects | Self::Quotas | Self::AllRepositories => "all".to_owned(),
            Self::Repositories { project }
            | Self::ProjectArtifacts { project }
            | Self::ImmutableRules { project } => (*project).to_owned(),
            Self::Artifacts {
                project,
                repository,
            } => format!("{project}/{repository}"),
            Self::Labels { project } => format!("project {project}"),
        }
    }
}

impl ArtifactQuery<'_> {
    /// What follows the path of a listing.
    pub(crate) fn suffix(&self) -> String {
        let flags = [
            ("with_label", self.labels),
            ("with_accessory", self.accessories),
            ("with_immutable_status", self.immutable),
            ("latest_in_repository", self.latest_in_repository),
        ];
        let mut query = String::new();
        for (name, _) in flags.iter().filter(|(_, wanted)| *wanted) {
            query.extend(["&", name, "=true"]);
        }
        if let Some(filter) = self.filter {
            query.push_str("&q=");
            query.push_str(&names::encode(filter));
        }
        query
    }
}
