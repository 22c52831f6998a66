//! A Harbor as a source: listings hold what configs say, so no blob is pulled.
use super::source::{chain, unreadable};
use std::{cell::RefCell, collections::BTreeMap};
use wharf_fleet::{Candidate, Content, Facts, ListError, Pattern, Source, candidate::Quota};
use wharf_harbor::{Artifact, ArtifactQuery, Harbor, HarborError, Known, Project};
use wharf_image::{Family, Platform};
use wharf_spec::env_var;

/// Labels with this prefix are looked at.
const LABELS: &str = "io.buildpacks.";
/// What Harbor writes for "never".
const NEVER: &str = "0001-";

/// All projects of a Harbor that match.
#[derive(Debug)]
pub(crate) struct HarborSource {
    pub(crate) harbor: Harbor,
    pub(crate) projects: Pattern,
    /// Quotas of all projects, asked for once; `None` where the account may not see them.
    pub(crate) quotas: RefCell<Option<Known<BTreeMap<String, Quota>>>>,
}

impl HarborSource {
    pub(crate) fn new(harbor: Harbor, projects: Pattern) -> Self {
        Self {
            harbor,
            projects,
            quotas: RefCell::new(None),
        }
    }

    fn query() -> ArtifactQuery<'static> {
        ArtifactQuery {
            page_size: 100,
            ..ArtifactQuery::default()
        }
    }

    fn project(&self, project: &Project, each: &mut dyn FnMut(Candidate)) {
        if let Err(error) = self.artifacts(&project.name, each) {
            let name = format!("{}/{}", self.harbor.registry(), project.name);
            let why = format!(
                "{}; ask the administrators of project {}",
                chain(&error),
                project.name
            );
            each(unreadable(name, &why));
        }
    }

    /// One listing for the whole project, where this Harbor has it and says where artifacts are; else one per repository.
    fn artifacts(&self, project: &str, each: &mut dyn FnMut(Candidate)) -> Result<(), HarborError> {
        let mut pages = self.harbor.project_artifacts(project, &Self::query());
        let is_whole = match pages.next() {
            None => return Ok(()),
            Some(Ok(first)) => {
                let names_all = first
                    .iter()
                    .all(|artifact| artifact.repository_name.is_some());
                if names_all {
                    for artifact in first {
                        self.artifact(None, &artifact, each)?;
                    }
                }
                names_all
            }
            Some(Err(_)) => false,
        };
        if is_whole {
            for page in pages {
                for artifact in page? {
                    self.artifact(None, &artifact, each)?;
                }
            }
            return Ok(());
        }
        for repository in self.harbor.repositories(Some(project)).flatten_items() {
            let repository = repository?;
            let Some((project, name)) = repository.split() else {
                continue;
            };
            for page in self.harbor.artifacts((project, name), &Self::query()) {
                for artifact in page? {
                    self.artifact(Some(&repository.name), &artifact, each)?;
                }
            }
        }
        Ok(())
    }

    fn artifact(
        &self,
        repository: Option<&str>,
        artifact: &Artifact,
        each: &mut dyn FnMut(Candidate),
    ) -> Result<(), HarborError> {
        let name = repository.or(artifact.repository_name.as_deref());
        let name = name.unwrap_or_default();
        let time = |time: &Option<String>| time.clone().filter(|time| !time.starts_with(NEVER));
        each(Candidate {
            repository: format!("{}/{name}", self.harbor.registry()),
            digest: Some(artifact.digest),
            tags: artifact.tags.iter().map(|tag| tag.name.clone()).collect(),
            content: self.content(name, artifact)?,
            pushed: time(&artifact.push_time),
            pulled: time(&artifact.pull_time),
        });
        Ok(())
    }

    fn content(&self, name: &str, artifact: &Artifact) -> Result<Content, HarborError> {
        let is_index = [Family::Oci, Family::Docker]
            .iter()
            .any(|family| family.index() == artifact.manifest_media_type);
        if !is_index {
            return Ok(facts(artifact).map_or(Content::Artifact, Content::Image));
        }
        // An index that no tag leads to is not rebased, so nobody needs to know its images.
        let (Some(name), false) = (name.split_once('/'), artifact.tags.is_empty()) else {
            return Ok(Content::Index(Vec::new()));
        };
        let mut images = Vec::new();
        for child in &artifact.references {
            let child = self.harbor.artifact(name, &child.digest.to_string())?;
            images.extend(child.as_ref().and_then(facts));
        }
        Ok(Content::Index(images))
    }
}

impl Source for HarborSource {
    fn list(&self, each: &mut dyn FnMut(Candidate)) -> Result<(), ListError> {
        for project in self.harbor.projects().flatten_items() {
            let project = project.map_err(|error| ListError {
                source_name: format!("the Harbor at {}", self.harbor.registry()),
                cause: error.into(),
            })?;
            // A proxy takes no pushes; what it holds is somebody else's.
            if self.projects.matches(&project.name) && !project.is_proxy() && project.repo_count > 0
            {
                self.project(&project, each);
            }
        }
        Ok(())
    }

    /// Administrators see all quotas at once; others those of their projects, one by one.
    fn quota(&self, project: &str) -> Option<Quota> {
        let name = project
            .strip_prefix(self.harbor.registry())?
            .strip_prefix('/')?;
        let mut known = self.quotas.borrow_mut();
        let all = known.get_or_insert_with(|| match self.harbor.quotas() {
            Ok(Known::Yes(quotas)) => Known::Yes(
                quotas
                    .into_iter()
                    .filter_map(|quota| Some((quota.project?, of(quota.quota?))))
                    .collect(),
            ),
            Ok(Known::No(why)) => Known::No(why),
            Err(error) => Known::No(error.to_string()),
        });
        if let Known::Yes(quotas) = all {
            return quotas.get(name).copied();
        }
        match self.harbor.summary(name) {
            Ok(Known::Yes(summary)) => match summary.quota {
                Known::Yes(quota) => Some(of(quota)),
                Known::No(_) => None,
            },
            _ => None,
        }
    }
}

fn of(quota: wharf_harbor::Quota) -> Quota {
    Quota {
        used: quota.used,
        limit: match quota.limit {
            wharf_harbor::Limit::Bytes(bytes) => Some(bytes),
            wharf_harbor::Limit::Unlimited => None,
        },
    }
}

/// What the listing tells of an image; `None` for what is none.
fn facts(artifact: &Artifact) -> Option<Facts> {
    if artifact.kind != "IMAGE" {
        return None;
    }
    let text = |value: &serde_json::Value| value.as_str().map(ToOwned::to_owned);
    let config = artifact.config();
    let labels = config.and_then(|config| config.get("Labels")?.as_object());
    let env = config.and_then(|config| config.get("Env")?.as_array());
    let extra = &artifact.extra_attrs;
    Some(Facts {
        platform: Platform {
            os: extra.os.clone().unwrap_or_default(),
            architecture: extra.architecture.clone().unwrap_or_default(),
            variant: None,
        },
        knows_variant: false,
        labels: labels
            .into_iter()
            .flatten()
            .filter(|(name, _)| name.starts_with(LABELS))
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect(),
        platform_api: env
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.as_str()?.split_once('='))
            .find(|(name, _)| *name == env_var::PLATFORM_API)
            .map(|(_, value)| value.to_owned()),
        layers: None,
    })
}
