//! What every run of one phase shares.
use crate::{
    Buildpack,
    env_dir::{self, EnvDirError},
};
use std::path::PathBuf;
use wharf_env::{Env, EnvFile, build_env};
use wharf_spec::{api::UserEnv, id::ExecEnv, target::Target};

/// Directories, environment and target of a phase. All directories are absolute.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// App directory.
    pub app_dir: PathBuf,
    /// Platform directory: `env/<name>` are the user's variables.
    pub platform_dir: PathBuf,
    /// What the names of those files mean.
    pub user_env: UserEnv,
    /// Operator configuration: `env/<name>` are the operator's variables. `None` before Platform API 0.11.
    pub build_config_dir: Option<PathBuf>,
    /// Where temporary files go.
    pub temp_dir: PathBuf,
    /// What is inherited of the process environment: [`wharf_env::build_env::inherited`].
    pub process_env: Env,
    /// Target of the run image, completed with [`crate::target::complete`]. `None` before Platform API 0.12 or
    /// when `analyzed.toml` has none: nothing is checked and nothing is told to buildpacks.
    pub target: Option<Target>,
    /// Execution environment. `None` before Platform API 0.15.
    pub exec_env: Option<ExecEnv>,
}

impl Context {
    /// Reads the variables of user and operator, once for the whole phase.
    pub fn read_sources(&self) -> Result<Sources, EnvDirError> {
        let operator = match &self.build_config_dir {
            Some(directory) => env_dir::read(&directory.join("env"))?,
            None => Vec::new(),
        };
        Ok(Sources {
            base: self.process_env.clone(),
            user: env_dir::read(&self.platform_dir.join("env"))?,
            user_env: self.user_env,
            operator,
        })
    }
}

/// Where the variables of a buildpack come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The process environment as the layers of earlier buildpacks have changed it.
    pub base: Env,
    /// Variables of the user.
    pub user: Vec<EnvFile>,
    /// What the names of the user's files mean.
    pub user_env: UserEnv,
    /// Variables of the operator.
    pub operator: Vec<EnvFile>,
}

impl Sources {
    /// The environment of `buildpack` before the lifecycle adds its own variables: with `clear-env` the user's
    /// variables are left out, never the operator's.
    pub fn env_of(&self, buildpack: &Buildpack) -> Env {
        let mut env = self.base.clone();
        if !buildpack.descriptor.buildpack.clear_env {
            build_env::add_user(&mut env, &self.user, self.user_env);
        }
        build_env::add_operator(&mut env, &self.operator);
        env
    }
}
