//! Who there is, and what they may do.

/// A right in a project: resource and action as Harbor names them, such as `repository` and `push`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// Project; `*` for all, `/` for the system.
    pub project: String,
    /// `repository`, `artifact`, `tag`, `quota`, `project` …
    pub resource: String,
    /// `pull`, `push`, `list`, `read`, `create`, `delete` …
    pub action: String,
}

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Login name, such as `robot$team+builder`.
    pub name: String,
    /// Password.
    pub password: String,
    /// The project of a project-level robot.
    pub home: Option<String>,
    /// May do everything.
    pub admin: bool,
    /// What else it may do.
    pub rights: Vec<Right>,
}

impl Account {
    /// An administrator.
    pub fn admin(name: &str, password: &str) -> Self {
        Self {
            name: name.to_owned(),
            password: password.to_owned(),
            home: None,
            admin: true,
            rights: Vec::new(),
        }
    }

    /// A robot of one project without rights.
    pub fn robot(project: &str, name: &str, password: &str) -> Self {
        Self {
            name: format!("robot${project}+{name}"),
            password: password.to_owned(),
            home: Some(project.to_owned()),
            admin: false,
            rights: Vec::new(),
        }
    }

    /// A robot of the system without rights.
    pub fn system_robot(name: &str, password: &str) -> Self {
        Self {
            name: format!("robot${name}"),
            password: password.to_owned(),
            home: None,
            admin: false,
            rights: Vec::new(),
        }
    }

    /// A robot that builds: it may pull, push, see the quota and list repositories and artifacts.
    pub fn builder(project: &str, name: &str, password: &str) -> Self {
        Self::robot(project, name, password)
            .may(
                project,
                &["repository:pull", "repository:push", "repository:list"],
            )
            .may(
                project,
                &[
                    "project:read",
                    "quota:read",
                    "artifact:list",
                    "artifact:read",
                ],
            )
    }

    /// A robot that builds and also frees room.
    pub fn keeper(project: &str, name: &str, password: &str) -> Self {
        Self::builder(project, name, password).may(
            project,
            &[
                "artifact:delete",
                "repository:delete",
                "tag:create",
                "tag:list",
                "tag:delete",
            ],
        )
    }

    /// Adds rights, each `resource:action`.
    #[must_use]
    pub fn may(mut self, project: &str, rights: &[&str]) -> Self {
        let rights = rights.iter().filter_map(|right| right.split_once(':'));
        self.rights.extend(rights.map(|(resource, action)| Right {
            project: project.to_owned(),
            resource: resource.to_owned(),
            action: action.to_owned(),
        }));
        self
    }

    /// Whether it has a right; to push means to pull for robots of a project.
    pub(crate) fn can(&self, project: &str, resource: &str, action: &str) -> bool {
        let has = |action: &str| {
            self.rights.iter().any(|right| {
                (right.project == project || right.project == "*")
                    && right.resource == resource
                    && right.action == action
            })
        };
        let implied = self.home.is_some() && action == "pull" && has("push");
        self.admin || has(action) || implied
    }
}
