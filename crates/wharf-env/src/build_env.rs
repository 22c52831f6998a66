//! What a buildpack sees while it runs.
use crate::{Env, EnvDelta, EnvFile, Unsuffixed, delta::is_variable, posix_path};
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};
use wharf_spec::{api::UserEnv, env_var};

/// The only variables of the lifecycle's own process that buildpacks inherit: credentials never do.
const INHERITED: &[&str] = &[
    env_var::STACK_ID,
    "HOSTNAME",
    "HOME",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// The inherited part of a process environment.
pub fn inherited(process: impl IntoIterator<Item = (OsString, OsString)>) -> Env {
    let keep = |name: &OsStr| {
        INHERITED.iter().any(|kept| name == *kept) || posix_path::is_path_variable(name)
    };
    process.into_iter().filter(|(name, _)| keep(name)).collect()
}

/// Adds the user's variables (`<platform>/env`): lists of directories are prepended, others replaced. Where names of
/// files may have a suffix, the files with one come after those without.
pub fn add_user(env: &mut Env, files: &[EnvFile], names: UserEnv) {
    let (suffixed, plain): (Vec<&EnvFile>, Vec<&EnvFile>) = files
        .iter()
        .filter(|file| is_variable(file.name.as_bytes()))
        .partition(|file| names == UserEnv::Suffixed && file.name.as_bytes().contains(&b'.'));
    for file in plain {
        let value = OsString::from_vec(file.content.clone());
        if posix_path::is_path_variable(&file.name) {
            env.prepend(&file.name, &value, OsStr::new(":"));
        } else {
            env.set(&file.name, value);
        }
    }
    let suffixed: Vec<EnvFile> = suffixed.into_iter().cloned().collect();
    EnvDelta::from_files(&suffixed, Unsuffixed::Override).apply(env);
}

/// Adds the operator's variables (`<build-config>/env`), which have the last word.
pub fn add_operator(env: &mut Env, files: &[EnvFile]) {
    EnvDelta::from_files(files, Unsuffixed::Default).apply(env);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_unlisted_variables_stay_out() {
        let process = [
            ("PATH", "/bin"),
            ("CNB_REGISTRY_AUTH", "{}"),
            ("HOME", "/h"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("CPATH", "/i"),
        ];
        let env = inherited(process.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(
            env,
            [("CPATH", "/i"), ("HOME", "/h"), ("PATH", "/bin")]
                .into_iter()
                .collect()
        );
    }

    #[test]
    fn the_user_prepends_paths_and_the_operator_comes_last() {
        let file = |name: &str, content: &str| EnvFile {
            name: name.into(),
            content: content.into(),
        };
        let mut env: Env = [("PATH", "/bin")].into_iter().collect();
        add_user(
            &mut env,
            &[
                file("PATH", "/u"),
                file("A", "user"),
                file("B.append", "kept"),
            ],
            UserEnv::Plain,
        );
        add_operator(
            &mut env,
            &[
                file("A", "operator"),
                file("A2", "operator"),
                file("PATH.append", ":/o"),
            ],
        );
        let expected = [
            ("PATH", "/u:/bin:/o"),
            ("A", "user"),
            ("A2", "operator"),
            ("B.append", "kept"),
        ];
        assert_eq!(env, expected.into_iter().collect());
    }

    #[test]
    fn suffixes_of_the_user_change_variables_where_they_are_known() {
        let files = [
            ("A.append", "u"),
            ("A.delim", ","),
            ("B.default", "u"),
            ("C.prepend", "u"),
            ("D.override", "u"),
            ("E", "u"),
            ("E.append", "+"),
            ("PATH", "/u"),
            ("PATH.append", ":/last"),
            ("F.unknown", "u"),
        ];
        let files = files.map(|(name, content)| EnvFile {
            name: name.into(),
            content: content.into(),
        });
        let start = [
            ("A", "a"),
            ("B", "b"),
            ("C", "c"),
            ("D", "d"),
            ("PATH", "/bin"),
        ];
        let mut env: Env = start.into_iter().collect();
        add_user(&mut env, &files, UserEnv::Suffixed);
        let expected = [
            ("A", "a,u"),
            ("B", "b"),
            ("C", "uc"),
            ("D", "u"),
            ("E", "u+"),
            ("PATH", "/u:/bin:/last"),
        ];
        assert_eq!(env, expected.into_iter().collect());
    }
}
