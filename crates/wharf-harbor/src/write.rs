//! What is written: one function per call.
use crate::{
    Harbor, HarborError, Limit,
    error::HarborErrorKind,
    harbor::{PREFIX, artifact_path},
    names,
};
use serde_json::{Value, json};
use wharf_registry::ApiMethod;
use wharf_spec::digest::Digest;

impl Harbor {
    /// Sets the limit of a quota; for administrators.
    pub fn set_quota(&self, id: u64, limit: Limit) -> Result<(), HarborError> {
        let bytes = match limit {
            Limit::Unlimited => json!(-1),
            Limit::Bytes(bytes) => json!(bytes),
        };
        let body = json!({"hard": {"storage": bytes}});
        self.write(
            ("set quota", &id.to_string()),
            ApiMethod::Put,
            &format!("/quotas/{id}"),
            Some(&body),
        )
    }

    /// Deletes an artifact, all tags on it, and what refers to it. False when it is gone already.
    pub fn delete_artifact(
        &self,
        (project, repository): (&str, &str),
        digest: Digest,
    ) -> Result<bool, HarborError> {
        let subject = format!("{project}/{repository}@{digest}");
        let path = artifact_path(project, repository, &digest.to_string());
        self.delete(("delete artifact", &subject), &path)
    }

    /// Puts a tag on an artifact, without a push.
    pub fn add_tag(
        &self,
        (project, repository): (&str, &str),
        digest: Digest,
        tag: &str,
    ) -> Result<(), HarborError> {
        let subject = format!("{project}/{repository}:{tag}");
        let path = artifact_path(project, repository, &digest.to_string());
        let body = json!({"name": tag});
        self.write(
            ("add tag", &subject),
            ApiMethod::Post,
            &format!("{path}/tags"),
            Some(&body),
        )
    }

    /// Takes a tag off an artifact. False when it is gone already.
    pub fn delete_tag(
        &self,
        (project, repository): (&str, &str),
        digest: Digest,
        tag: &str,
    ) -> Result<bool, HarborError> {
        let subject = format!("{project}/{repository}:{tag}");
        let path = artifact_path(project, repository, &digest.to_string());
        self.delete(
            ("delete tag", &subject),
            &format!("{path}/tags/{}", names::encode(tag)),
        )
    }

    /// Makes a label in a project.
    pub fn create_label(&self, project: u64, name: &str) -> Result<(), HarborError> {
        let body = json!({"name": name, "scope": "p", "project_id": project});
        self.write(
            ("create label", name),
            ApiMethod::Post,
            "/labels",
            Some(&body),
        )
    }

    /// Puts a label on an artifact.
    pub fn add_label(
        &self,
        (project, repository): (&str, &str),
        digest: Digest,
        label: u64,
    ) -> Result<(), HarborError> {
        let subject = format!("{project}/{repository}@{digest}");
        let path = artifact_path(project, repository, &digest.to_string());
        let body = json!({"id": label});
        self.write(
            ("label artifact", &subject),
            ApiMethod::Post,
            &format!("{path}/labels"),
            Some(&body),
        )
    }

    /// Protects tags that match `tags` in repositories (named without the project) that match `repositories`.
    pub fn add_immutable_rule(
        &self,
        project: &str,
        repositories: &str,
        tags: &str,
    ) -> Result<(), HarborError> {
        let selector = |decoration: &str, pattern: &str| json!([{"kind": "doublestar", "decoration": decoration, "pattern": pattern}]);
        let body = json!({
            "action": "immutable", "template": "immutable_template", "disabled": false,
            "tag_selectors": selector("matches", tags),
            "scope_selectors": {"repository": selector("repoMatches", repositories)},
        });
        let path = format!("/projects/{}/immutabletagrules", names::encode(project));
        let what = ("add immutable rule to", project);
        self.write(what, ApiMethod::Post, &path, Some(&body))
    }

    /// Removes a rule that protects tags. False when it is gone already.
    pub fn delete_immutable_rule(&self, project: &str, id: u64) -> Result<bool, HarborError> {
        let path = format!(
            "/projects/{}/immutabletagrules/{id}",
            names::encode(project)
        );
        self.delete(("delete immutable rule of", project), &path)
    }

    fn write(
        &self,
        what: (&'static str, &str),
        method: ApiMethod,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), HarborError> {
        self.call(what, method, &format!("{PREFIX}{path}"), body)
            .map(|_| ())
    }

    fn delete(&self, what: (&'static str, &str), path: &str) -> Result<bool, HarborError> {
        match self.write(what, ApiMethod::Delete, path, None) {
            Ok(()) => Ok(true),
            Err(HarborError {
                kind: HarborErrorKind::NotFound { .. },
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
