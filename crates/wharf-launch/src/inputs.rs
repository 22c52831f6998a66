//! Arguments and environment of the launcher as typed values (platform spec, "launcher").
use crate::{LaunchError, display, join};
use alloc::{format, string::String, vec::Vec};
use wharf_env::Env;
use wharf_spec::{
    api::{PlatformApi, UserArgs},
    env_var,
    id::ExecEnv,
    paths,
};

/// Variables that are about the launcher and not about the process.
const REMOVED: [&str; 5] = [
    env_var::LAYERS_DIR,
    env_var::APP_DIR,
    env_var::PROCESS_TYPE,
    env_var::PLATFORM_API,
    env_var::DEPRECATION_MODE,
];

/// Everything a launch depends on besides files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchInputs {
    /// The name the launcher was called by; its last part may name a process type.
    pub name: Vec<u8>,
    /// Arguments after the name.
    pub args: Vec<Vec<u8>>,
    /// Layers directory, absolute.
    pub layers_dir: Vec<u8>,
    /// App directory, absolute.
    pub app_dir: Vec<u8>,
    /// What user-provided arguments do to default arguments.
    pub user_args: UserArgs,
    /// The execution environment, where the platform knows of them.
    pub exec_env: Option<ExecEnv>,
    /// Environment of the process before buildpacks have their say.
    pub env: Env,
    /// What to tell the user before anything else.
    pub warnings: Vec<String>,
}

impl LaunchInputs {
    /// Reads arguments (the launcher's own name first) and variables. Relative directories hang on `cwd`.
    pub fn resolve(argv: Vec<Vec<u8>>, env: Env, cwd: &[u8]) -> Result<Self, LaunchError> {
        let api = env.get_bytes(env_var::PLATFORM_API.as_bytes());
        let api = display(api.unwrap_or_default());
        if api.trim().is_empty() {
            return Err(LaunchError::MissingPlatformApi);
        }
        let features = api
            .parse::<PlatformApi>()
            .map_err(LaunchError::PlatformApi)?
            .features();
        let directory =
            |name: &str, default: &str| join(cwd, given(&env, name).unwrap_or(default.as_bytes()));
        let mut argv = argv.into_iter();
        Ok(Self {
            name: argv.next().unwrap_or_default(),
            args: argv.collect(),
            layers_dir: directory(env_var::LAYERS_DIR, paths::LAYERS_DIR),
            app_dir: directory(env_var::APP_DIR, paths::APP_DIR),
            user_args: features.user_args,
            exec_env: if features.exec_env {
                Some(exec_env(&env)?)
            } else {
                None
            },
            warnings: process_type_warnings(&env, &api),
            env: process_env(env),
        })
    }

    /// The last part of the name the launcher was called by.
    pub fn called_as(&self) -> &[u8] {
        self.name
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default()
    }

    /// Where the builder left what the launcher needs.
    pub fn metadata_path(&self) -> Vec<u8> {
        join(&self.layers_dir, paths::BUILD_METADATA.as_bytes())
    }
}

/// A variable of the launcher; an empty one is as good as none, as it is to the phases.
fn given<'a>(env: &'a Env, name: &str) -> Option<&'a [u8]> {
    let value = env.get_bytes(name.as_bytes());
    value.filter(|value| !value.is_empty())
}

fn exec_env(env: &Env) -> Result<ExecEnv, LaunchError> {
    match given(env, env_var::EXEC_ENV) {
        None => Ok(ExecEnv::production()),
        Some(text) => display(text).parse().map_err(LaunchError::ExecEnv),
    }
}

fn process_type_warnings(env: &Env, api: &str) -> Vec<String> {
    let Some(wanted) = env.get_bytes(env_var::PROCESS_TYPE.as_bytes()) else {
        return Vec::new();
    };
    let wanted = display(wanted);
    [
        format!("CNB_PROCESS_TYPE is not supported in Platform API {api}"),
        format!("Run with ENTRYPOINT '{wanted}' to invoke the '{wanted}' process type"),
    ]
    .to_vec()
}

/// Drops what is about the launcher: its variables, and its directories from `PATH`.
fn process_env(mut env: Env) -> Env {
    for name in REMOVED {
        env.remove_bytes(name.as_bytes());
    }
    if let Some(path) = env.get_bytes(b"PATH") {
        let own = [
            paths::PROCESS_DIR.as_bytes(),
            paths::LIFECYCLE_DIR.as_bytes(),
        ];
        let kept: Vec<&[u8]> = path
            .split(|byte| *byte == b':')
            .filter(|directory| !own.contains(directory))
            .collect();
        let kept = kept.join(&b':');
        env.set_bytes("PATH", kept);
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::ToString, vec};

    fn env(pairs: &[(&str, &str)]) -> Env {
        let mut env = Env::new();
        for (name, value) in pairs {
            env.set_bytes(*name, *value);
        }
        env
    }

    fn resolve(pairs: &[(&str, &str)]) -> Result<LaunchInputs, LaunchError> {
        LaunchInputs::resolve(
            vec![b"/cnb/process/web".to_vec(), b"x".to_vec()],
            env(pairs),
            b"/here",
        )
    }

    #[test]
    fn the_launchers_own_variables_and_directories_are_taken_out() {
        let inputs = resolve(&[
            ("CNB_PLATFORM_API", "0.15"),
            ("CNB_LAYERS_DIR", "/l"),
            ("CNB_APP_DIR", "app"),
            ("CNB_DEPRECATION_MODE", "quiet"),
            ("CNB_EXEC_ENV", "test"),
            ("PATH", "/cnb/process:/cnb/lifecycle:/usr/bin:/bin"),
            ("EMPTY", ""),
        ]);
        let expected = LaunchInputs {
            name: b"/cnb/process/web".to_vec(),
            args: vec![b"x".to_vec()],
            layers_dir: b"/l".to_vec(),
            app_dir: b"/here/app".to_vec(),
            user_args: UserArgs::Override,
            exec_env: "test".parse().ok(),
            env: env(&[
                ("CNB_EXEC_ENV", "test"),
                ("PATH", "/usr/bin:/bin"),
                ("EMPTY", ""),
            ]),
            warnings: Vec::new(),
        };
        assert_eq!(inputs, Ok(expected));
    }

    #[test]
    fn directories_and_execution_environment_have_defaults() {
        let api = ("CNB_PLATFORM_API", "0.15");
        let empty = [
            api,
            ("CNB_LAYERS_DIR", ""),
            ("CNB_APP_DIR", ""),
            ("CNB_EXEC_ENV", ""),
        ];
        for variables in [[api].as_slice(), &empty] {
            let inputs = resolve(variables).unwrap();
            assert_eq!(
                (inputs.layers_dir, inputs.app_dir, inputs.exec_env),
                (
                    b"/layers".to_vec(),
                    b"/workspace".to_vec(),
                    Some(ExecEnv::production())
                )
            );
        }
        assert_eq!(
            resolve(&[("CNB_PLATFORM_API", "0.14")]).unwrap().exec_env,
            None
        );
    }

    #[test]
    fn a_process_type_variable_earns_two_warnings() {
        let inputs = resolve(&[("CNB_PLATFORM_API", "0.12"), ("CNB_PROCESS_TYPE", "web")]).unwrap();
        assert_eq!(
            inputs.warnings,
            [
                "CNB_PROCESS_TYPE is not supported in Platform API 0.12",
                "Run with ENTRYPOINT 'web' to invoke the 'web' process type"
            ]
        );
    }

    #[test]
    fn the_platform_api_must_be_given_and_known() {
        assert_eq!(resolve(&[]), Err(LaunchError::MissingPlatformApi));
        assert_eq!(
            resolve(&[("CNB_PLATFORM_API", " ")]),
            Err(LaunchError::MissingPlatformApi)
        );
        let error = resolve(&[("CNB_PLATFORM_API", "9.9")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "read 'CNB_PLATFORM_API': Platform API '9.9' is not supported, supported are 0.7 to 0.15"
        );
    }
}
