//! One run of `bin/detect` or `bin/build` (buildpack spec, "Buildpack Interface").
use crate::{Buildpack, Context, Sources};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};
use wharf_env::Env;
use wharf_spec::env_var;

/// What to run: nothing is inherited beyond it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Absolute path of the executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub env: Env,
    /// Its working directory: the app.
    pub working_dir: PathBuf,
}

impl Request {
    /// A run of `bin/detect` that writes its build plan to `plan`.
    pub fn detect(
        context: &Context,
        sources: &Sources,
        buildpack: &Buildpack,
        plan: &Path,
    ) -> Self {
        let mut env = sources.env_of(buildpack);
        let directories = [
            (env_var::PLATFORM_DIR, context.platform_dir.as_path()),
            (env_var::BUILD_PLAN_PATH, plan),
        ];
        provide(&mut env, context, buildpack, &directories);
        Self {
            program: buildpack.detect_program(),
            arguments: arguments(&[&context.platform_dir, plan]),
            env,
            working_dir: context.app_dir.clone(),
        }
    }

    /// A run of `bin/build` that reads its buildpack plan from `plan` and writes layers below `layers`, its own
    /// directory.
    pub fn build(
        context: &Context,
        sources: &Sources,
        buildpack: &Buildpack,
        (layers, plan): (&Path, &Path),
    ) -> Self {
        let mut env = sources.env_of(buildpack);
        let directories = [
            (env_var::LAYERS_DIR, layers),
            (env_var::PLATFORM_DIR, context.platform_dir.as_path()),
            (env_var::BP_PLAN_PATH, plan),
        ];
        provide(&mut env, context, buildpack, &directories);
        Self {
            program: buildpack.build_program(),
            arguments: arguments(&[layers, &context.platform_dir, plan]),
            env,
            working_dir: context.app_dir.clone(),
        }
    }
}

fn arguments(paths: &[&Path]) -> Vec<OsString> {
    paths.iter().map(|path| path.as_os_str().into()).collect()
}

/// Sets what the lifecycle provides; it comes last, so no user or operator can replace it.
fn provide(env: &mut Env, context: &Context, buildpack: &Buildpack, directories: &[(&str, &Path)]) {
    let features = buildpack.api.features();
    env.set(env_var::BUILDPACK_DIR, buildpack.dir.as_os_str());
    if features.directory_variables {
        for (name, path) in directories {
            env.set(name, path.as_os_str());
        }
    }
    if let (true, Some(target)) = (features.targets, &context.target) {
        let distro = target.distro.as_ref();
        let values = [
            (env_var::TARGET_OS, target.os.as_str()),
            (env_var::TARGET_ARCH, &target.arch),
            (env_var::TARGET_ARCH_VARIANT, &target.arch_variant),
            (
                env_var::TARGET_DISTRO_NAME,
                distro.map_or("", |distro| &distro.name),
            ),
            (
                env_var::TARGET_DISTRO_VERSION,
                distro.map_or("", |distro| &distro.version),
            ),
        ];
        for (name, value) in values.into_iter().filter(|(_, value)| !value.is_empty()) {
            env.set(name, value);
        }
    }
    if let (true, Some(exec_env)) = (features.exec_env, &context.exec_env) {
        env.set(env_var::EXEC_ENV, exec_env.as_str());
    }
}
