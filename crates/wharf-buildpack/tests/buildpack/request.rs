use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wharf_buildpack::{Buildpack, BuildpackStore, Context, Request};
use wharf_env::Env;
use wharf_spec::{
    api::{BuildpackApi, PlatformApi, UserEnv},
    target::{Distro, Target},
};
use wharf_testkit::files::write;

fn buildpack(api: BuildpackApi, clear_env: bool) -> (TempDir, Buildpack) {
    let dir = tempfile::tempdir().unwrap();
    let text =
        format!("api = '{api}'\n[buildpack]\nid = 'a'\nversion = '1'\nclear-env = {clear_env}\n");
    write(&dir.path().join("a/1/buildpack.toml"), &text);
    let store = BuildpackStore::new(dir.path());
    let buildpack = store.load(&"a".parse().unwrap(), "1").unwrap();
    (dir, buildpack)
}

fn context(dir: &Path) -> Context {
    write(&dir.join("platform/env/BP_A"), "user\n");
    write(&dir.join("platform/env/PATH"), "/user");
    write(&dir.join("platform/env/CNB_BUILDPACK_DIR"), "/fake");
    write(&dir.join("config/env/BP_A"), "operator");
    write(&dir.join("config/env/BP_B"), "operator");
    write(&dir.join("config/env/BP_C.override"), "operator");
    Context {
        app_dir: "/app".into(),
        platform_dir: dir.join("platform"),
        user_env: UserEnv::Plain,
        build_config_dir: Some(dir.join("config")),
        temp_dir: PathBuf::new(),
        process_env: [("PATH", "/bin"), ("HOME", "/home")].into_iter().collect(),
        target: Some(Target {
            os: "linux".into(),
            arch: "amd64".into(),
            distro: Some(Distro {
                name: "debian".into(),
                version: String::new(),
            }),
            ..Target::default()
        }),
        exec_env: Some("test".parse().unwrap()),
    }
}

/// What every buildpack sees of user, operator and process.
fn common(buildpack: &Buildpack) -> Env {
    let mut env: Env = [
        ("BP_A", "user\n"),
        ("BP_B", "operator"),
        ("BP_C", "operator"),
        ("HOME", "/home"),
        ("PATH", "/user:/bin"),
    ]
    .into_iter()
    .collect();
    env.set("CNB_BUILDPACK_DIR", buildpack.dir.as_os_str());
    env
}

fn add_versioned(env: &mut Env, api: BuildpackApi, directories: &[(&str, &Path)]) {
    let minor: u32 = api.as_str()[2..].parse().unwrap();
    if minor >= 8 {
        for (name, path) in directories {
            env.set(*name, path.as_os_str());
        }
    }
    if minor >= 10 {
        env.set("CNB_TARGET_OS", "linux");
        env.set("CNB_TARGET_ARCH", "amd64");
        env.set("CNB_TARGET_DISTRO_NAME", "debian");
    }
    if minor >= 12 {
        env.set("CNB_EXEC_ENV", "test");
    }
}

#[test]
fn detect_gets_what_its_api_promises() {
    for api in BuildpackApi::ALL {
        let (dir, buildpack) = buildpack(api, false);
        let context = context(dir.path());
        let platform = dir.path().join("platform");
        let plan = Path::new("/tmp/plan.toml");
        let sources = context.read_sources().unwrap();
        let mut env = common(&buildpack);
        let directories = [
            ("CNB_PLATFORM_DIR", platform.as_path()),
            ("CNB_BUILD_PLAN_PATH", plan),
        ];
        add_versioned(&mut env, api, &directories);
        let expected = Request {
            program: dir.path().join("a/1/bin/detect"),
            arguments: vec![platform.clone().into(), plan.into()],
            env,
            working_dir: "/app".into(),
        };
        assert_eq!(
            Request::detect(&context, &sources, &buildpack, plan),
            expected
        );
    }
}

#[test]
fn build_gets_what_its_api_promises() {
    for api in BuildpackApi::ALL {
        let (dir, buildpack) = buildpack(api, false);
        let context = context(dir.path());
        let platform = dir.path().join("platform");
        let (layers, plan) = (Path::new("/layers/a"), Path::new("/tmp/a/plan.toml"));
        let sources = context.read_sources().unwrap();
        let mut env = common(&buildpack);
        let directories = [
            ("CNB_LAYERS_DIR", layers),
            ("CNB_PLATFORM_DIR", &platform),
            ("CNB_BP_PLAN_PATH", plan),
        ];
        add_versioned(&mut env, api, &directories);
        let expected = Request {
            program: dir.path().join("a/1/bin/build"),
            arguments: vec![layers.into(), platform.clone().into(), plan.into()],
            env,
            working_dir: "/app".into(),
        };
        let request = Request::build(&context, &sources, &buildpack, (layers, plan));
        assert_eq!(request, expected);
    }
}

#[test]
fn clear_env_keeps_the_operator_and_leaves_out_the_user() {
    for api in BuildpackApi::ALL {
        let (dir, buildpack) = buildpack(api, true);
        let sources = context(dir.path()).read_sources().unwrap();
        let expected = [
            ("BP_A", "operator"),
            ("BP_B", "operator"),
            ("BP_C", "operator"),
            ("HOME", "/home"),
            ("PATH", "/bin"),
        ];
        assert_eq!(
            sources.env_of(&buildpack),
            expected.into_iter().collect::<Env>()
        );
    }
}

#[test]
fn the_user_may_use_suffixes_at_one_platform_api_only() {
    for api in PlatformApi::ALL {
        let (dir, buildpack) = buildpack(BuildpackApi::LATEST, false);
        write(&dir.path().join("platform/env/GREETING.append"), " world");
        let context = Context {
            platform_dir: dir.path().join("platform"),
            user_env: api.features().user_env,
            process_env: [("GREETING", "hello")].into_iter().collect(),
            ..Context::default()
        };
        let env = context.read_sources().unwrap().env_of(&buildpack);
        let expected: Env = match api.as_str() {
            "0.11" => [("GREETING", "hello world")].into_iter().collect(),
            _ => [("GREETING", "hello"), ("GREETING.append", " world")]
                .into_iter()
                .collect(),
        };
        assert_eq!(env, expected, "{api}");
    }
}

#[test]
fn what_is_not_known_is_not_told() {
    let (dir, buildpack) = buildpack(BuildpackApi::LATEST, false);
    let context = Context {
        target: None,
        exec_env: None,
        build_config_dir: None,
        platform_dir: dir.path().join("none"),
        ..context(dir.path())
    };
    let sources = context.read_sources().unwrap();
    let request = Request::detect(&context, &sources, &buildpack, Path::new("/plan"));
    let names: Vec<_> = request
        .env
        .iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "CNB_BUILDPACK_DIR",
            "CNB_BUILD_PLAN_PATH",
            "CNB_PLATFORM_DIR",
            "HOME",
            "PATH"
        ]
    );
}
