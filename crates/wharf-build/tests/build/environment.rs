use crate::support::Stage;
use wharf_env::Env;
use wharf_testkit::files::write;

const BUILD: &str = "[types]\nbuild = true\n";

/// What the last buildpack saw, without the lifecycle's own variables.
fn last_env(stage: &Stage) -> Env {
    stage.build().unwrap();
    let seen = stage.runner.seen.lock().unwrap();
    let mut env = seen.last().unwrap().env.clone();
    for name in [
        "LAYERS_DIR",
        "PLATFORM_DIR",
        "BP_PLAN_PATH",
        "BUILDPACK_DIR",
        "EXEC_ENV",
    ] {
        env.remove(format!("CNB_{name}"));
    }
    env
}

fn env(pairs: &[(&str, &str)]) -> Env {
    pairs.iter().copied().collect()
}

#[test]
fn directories_of_build_layers_come_in_reverse_buildpack_and_ascending_layer_order() {
    let mut stage = Stage::new();
    stage.inputs.context.process_env = env(&[("PATH", "/bin"), ("CPATH", "/include")]);
    stage
        .buildpack(
            "a",
            &[
                ("two/bin/", ""),
                ("two/lib/", ""),
                ("two.toml", BUILD),
                ("one/bin/", ""),
                ("one/include/", ""),
                ("one.toml", BUILD),
                ("launch-only/bin/", ""),
                ("launch-only.toml", "[types]\nlaunch = true\n"),
                ("untold/bin/", ""),
            ],
        )
        .buildpack(
            "b",
            &[
                ("one/bin/", ""),
                ("one/pkgconfig/", ""),
                ("one.toml", BUILD),
            ],
        )
        .buildpack("c", &[]);
    let layers = |path: &str| stage.layers(path).display().to_string();
    let expected = [
        (
            "PATH",
            format!(
                "{}:{}:{}:/bin",
                layers("b/one/bin"),
                layers("a/one/bin"),
                layers("a/two/bin")
            ),
        ),
        ("LD_LIBRARY_PATH", layers("a/two/lib")),
        ("LIBRARY_PATH", layers("a/two/lib")),
        ("CPATH", format!("{}:/include", layers("a/one/include"))),
        ("PKG_CONFIG_PATH", layers("b/one/pkgconfig")),
    ];
    assert_eq!(last_env(&stage), expected.into_iter().collect());
}

#[test]
fn files_of_build_layers_follow_the_modification_rules() {
    let mut stage = Stage::new();
    stage
        .buildpack(
            "a",
            &[
                ("one.toml", BUILD),
                ("one/env/APPEND.append", "a1"),
                ("one/env/APPEND.delim", ":"),
                ("one/env.build/APPEND.append", "a2"),
                ("one/env/PREPEND.prepend", "p1"),
                ("one/env/DEFAULT.default", "d1"),
                ("one/env/OVERRIDE", "o1"),
                ("one/env.build/OVERRIDE.override", "o2\n"),
                ("one/env.launch/LAUNCH", "l"),
                ("launch-only.toml", "[types]\nlaunch = true\n"),
                ("launch-only/env/OTHER", "x"),
                ("two.toml", BUILD),
                ("two/env/APPEND.append", "a3"),
            ],
        )
        .buildpack(
            "b",
            &[
                ("one.toml", BUILD),
                ("one/env/APPEND.append", "b1"),
                ("one/env/PREPEND.prepend", "p2"),
                ("one/env/PREPEND.delim", ";"),
                ("one/env/DEFAULT.default", "d2"),
                ("one/env/OVERRIDE", "o3"),
            ],
        )
        .buildpack("c", &[]);
    assert_eq!(
        last_env(&stage),
        env(&[
            ("APPEND", "a1:a2a3b1"),
            ("PREPEND", "p2;p1"),
            ("DEFAULT", "d1"),
            ("OVERRIDE", "o3"),
        ])
    );
}

#[test]
fn the_user_comes_before_layers_and_the_operator_has_the_last_word() {
    let mut stage = Stage::new();
    let config = stage.dir.path().join("config");
    stage.inputs.context.build_config_dir = Some(config.clone());
    let platform = stage.inputs.context.platform_dir.clone();
    write(&platform.join("env/PATH"), "/user");
    write(&platform.join("env/A"), "user");
    write(&config.join("env/A.append"), "+operator");
    write(&config.join("env/B"), "operator");
    stage
        .buildpack(
            "a",
            &[
                ("one.toml", BUILD),
                ("one/bin/", ""),
                ("one/env/A", "layer"),
                ("one/env/B", "layer"),
            ],
        )
        .buildpack("b", &[]);
    let path = format!("/user:{}", stage.layers("a/one/bin").display());
    let expected = [
        ("PATH", path.as_str()),
        ("A", "user+operator"),
        ("B", "layer"),
    ];
    assert_eq!(last_env(&stage), env(&expected));
}
