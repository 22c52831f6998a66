//! Variables of base image, user and operator.
use super::{analyzed, given_after, layer, record};
use crate::{
    cases::launch::stand::Launch,
    flow::Flow,
    probe::{Probe, Record},
    read,
    suite::Case,
    tests,
};

tests! {
    the_base_image_gives_home_and_stack: [
        "P-ENV-001", "P-ENV-002", "B-PENV-003", "B-PENV-004",
    ] .each_of_both();
    path_variables_are_passed_on: ["P-ENV-003"] .each_of_both();
    user_variables_are_set: [
        "P-ENV-006", "B-PENV-001", "B-PENV-005", "B-PENV-010", "B-PENV-011",
    ] .each_of_both();
    user_values_override: ["B-PENV-012"] .each_of_both();
    clear_env_hides_user_variables: ["B-PENV-005", "B-PENV-008", "B-PENV-009"] .each_of_both();
    earlier_buildpacks_may_change_user_variables: ["P-ENV-007"] .platform(7, 11);
    user_files_have_suffixes: ["P-ENV-008"] .platform(11, 11) .each_buildpack();
    earlier_buildpacks_cannot_change_user_variables: ["P-ENV-009", "P-ENV-010"] .platform(12, 15);
    operator_variables_are_set: [
        "P-ENV-012", "P-ENV-014", "B-PENV-006",
    ] .platform(11, 15) .buildpack(10, 12) .each_of_both();
    operator_files_have_suffixes: ["P-ENV-013"] .platform(11, 15);
    operator_variables_come_last: ["P-ENV-015"] .platform(12, 15);
    operator_variables_ignore_clear_env: ["B-PENV-007"] .platform(11, 15) .buildpack(10, 12) .each_of_both();
    user_variables_reach_the_launched_process: ["B-PENV-002"] .each_of_both();
    reserved_variables_are_the_specifications: ["B-PENV-013"] .each_of_both();
}

/// Variables that hold lists of directories.
const PATH_VARIABLES: [&str; 5] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "LIBRARY_PATH",
    "CPATH",
    "PKG_CONFIG_PATH",
];

/// What a buildpack alone was given on a stage that `prepare` got ready: by detection, then by build.
fn given_alone(case: &Case<'_>, probe: &Probe, prepare: impl FnOnce(&mut Flow<'_>)) -> [Given; 2] {
    let mut flow = Flow::with(case, &[probe]);
    let target = "os = \"linux\"\narch = \"amd64\"";
    flow.stage
        .write("layers/analyzed.toml", &analyzed(case, target));
    prepare(&mut flow);
    flow.detect(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    ["detect", "build"].map(|executable| {
        let kept = flow.stage.path(&format!("record/kept-by-{executable}"));
        Given {
            record: record(&flow, probe, executable),
            kept: kept.exists().then(|| read(&kept)),
        }
    })
}

/// What an executable was given.
struct Given {
    record: Record,
    /// Content of the file it was to keep.
    kept: Option<String>,
}

impl Given {
    fn var(&self, name: &str) -> Option<&str> {
        self.record.var(name)
    }
}

/// A buildpack that keeps `<platform>/env/<variable>`.
fn keeping(case: &Case<'_>, variable: &str) -> Probe {
    let keep = |by: &str| format!("cp \"$PLATFORM_DIR/env/{variable}\" /record/kept-by-{by}");
    Probe::new(case, "example/one")
        .detect(&keep("detect"))
        .build(&keep("build"))
}

fn the_base_image_gives_home_and_stack(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let both = given_alone(case, &probe, |flow| flow.stage.set("HOME", "/workspace"));
    for given in both {
        case.equal(
            "P-ENV-001 B-PENV-003",
            given.var("HOME"),
            Some("/workspace"),
        );
        let stack = given.var("CNB_STACK_ID");
        case.equal("P-ENV-002 B-PENV-004", stack, Some("example.stack"));
    }
}

fn path_variables_are_passed_on(case: &Case<'_>) {
    let set = |flow: &mut Flow<'_>| {
        for name in PATH_VARIABLES {
            flow.stage.set(name, "/usr/bin:/bin");
        }
    };
    let files = PATH_VARIABLES.map(|name| format!("env/{name}.prepend"));
    let files = files.each_ref().map(|name| (name.as_str(), "/added:"));
    let before = given_after(case, &[], set);
    let after = given_after(case, &[layer("a", "build", &files)], set);
    for name in PATH_VARIABLES {
        case.equal("P-ENV-003", before.var(name), Some("/usr/bin:/bin"));
        case.equal("P-ENV-003", after.var(name), Some("/added:/usr/bin:/bin"));
    }
}

fn user_variables_are_set(case: &Case<'_>) {
    let text = "a b\n$HOME `id` 'q' = %s\n";
    let both = given_alone(case, &keeping(case, "TEXT"), |flow| {
        flow.stage.set("PATH", "/usr/bin:/bin");
        flow.stage.write("platform/env/TEXT", text);
        flow.stage.write("platform/env/BP_OPTION", "user");
        flow.stage.write("platform/env/DOTTED.append", "user");
        flow.stage.write("platform/env/PATH", "/user");
        flow.stage.write("platform/env/CPATH", "/user");
    });
    for given in both {
        case.equal("B-PENV-005", given.kept.as_deref(), Some(text));
        case.equal("P-ENV-006 B-PENV-010", given.var("TEXT"), Some(text));
        // Suffixes were a matter of Platform API 0.11 alone.
        if case.platform != 11 {
            case.equal("P-ENV-006", given.var("DOTTED.append"), Some("user"));
        }
        case.equal("B-PENV-001", given.var("BP_OPTION"), Some("user"));
        case.equal("B-PENV-011", given.var("PATH"), Some("/user:/usr/bin:/bin"));
        case.equal("B-PENV-011", given.var("CPATH"), Some("/user"));
    }
}

fn user_values_override(case: &Case<'_>) {
    // Before Platform API 0.12 an earlier buildpack may have the last word, but its defaults never have.
    let suffix = if case.platform < 12 {
        "default"
    } else {
        "override"
    };
    let file = format!("env/FOO.{suffix}");
    let script = layer("a", "build", &[(&file, "buildpack")]);
    let existing = given_after(case, std::slice::from_ref(&script), |_| {});
    case.equal("B-PENV-012", existing.var("FOO"), Some("buildpack"));
    let given = given_after(case, &[script], |flow| {
        flow.stage.write("platform/env/FOO", "user");
    });
    case.equal("B-PENV-012", given.var("FOO"), Some("user"));
}

fn clear_env_hides_user_variables(case: &Case<'_>) {
    let probe = keeping(case, "TEXT").clear_env();
    let both = given_alone(case, &probe, |flow| {
        flow.stage.set("PATH", "/usr/bin:/bin");
        flow.stage.write("platform/env/TEXT", "user");
        flow.stage.write("platform/env/PATH", "/user");
    });
    for given in both {
        case.equal("B-PENV-008", given.var("TEXT"), None);
        case.equal("B-PENV-008", given.var("PATH"), Some("/usr/bin:/bin"));
        case.equal("B-PENV-005 B-PENV-009", given.kept.as_deref(), Some("user"));
    }
}

fn earlier_buildpacks_may_change_user_variables(case: &Case<'_>) {
    let script = layer("a", "build", &[("env/FOO.append", " and buildpack")]);
    let given = given_after(case, &[script], |flow| {
        flow.stage.write("platform/env/FOO", "user");
    });
    let seen = given.var("FOO");
    case.check(
        "P-ENV-007",
        [Some("user"), Some("user and buildpack")].contains(&seen),
        "the user's value, changed by the buildpack or not",
        seen,
    );
}

fn user_files_have_suffixes(case: &Case<'_>) {
    let both = given_alone(case, &Probe::new(case, "example/one"), |flow| {
        flow.stage.set("PATH", "/usr/bin:/bin");
        for (file, content) in [
            ("PATH.append", "/user"),
            ("PATH.delim", ":"),
            ("HOME.prepend", "/user"),
            ("CNB_STACK_ID.default", "user"),
            ("DEFAULT.default", "user"),
            ("OVERRIDE.override", "user"),
            ("PLAIN", "user"),
        ] {
            flow.stage.write(&format!("platform/env/{file}"), content);
        }
    });
    for given in both {
        case.equal("P-ENV-008", given.var("PATH"), Some("/usr/bin:/bin:/user"));
        case.equal("P-ENV-008", given.var("HOME"), Some("/user/tmp"));
        case.equal(
            "P-ENV-008",
            given.var("CNB_STACK_ID"),
            Some("example.stack"),
        );
        for name in ["DEFAULT", "OVERRIDE", "PLAIN"] {
            case.equal("P-ENV-008", given.var(name), Some("user"));
        }
    }
}

fn earlier_buildpacks_cannot_change_user_variables(case: &Case<'_>) {
    let scripts = [
        layer(
            "a",
            "build",
            &[("env/FOO.override", "buildpack"), ("bin/x", "")],
        ),
        layer(
            "a",
            "build",
            &[
                ("env/FOO.append", "buildpack"),
                ("env/PATH.prepend", "/env:"),
            ],
        ),
    ];
    let given = given_after(case, &scripts, |flow| {
        flow.stage.set("PATH", "/usr/bin:/bin");
        flow.stage.write("platform/env/FOO", "user");
        flow.stage.write("platform/env/PATH", "/user");
    });
    case.equal("P-ENV-010", given.var("FOO"), Some("user"));
    case.equal(
        "P-ENV-009",
        given.var("PATH"),
        Some("/user:/env:/layers/example_0/a/bin:/usr/bin:/bin"),
    );
}

/// Writes files of the operator.
fn operator(flow: &Flow<'_>, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = format!("cnb/build-config/env/{name}");
        flow.stage.write(&path, content);
    }
}

fn operator_variables_are_set(case: &Case<'_>) {
    let text = "a b\n$HOME `id` 'q' = %s\n";
    let files = [("TEXT", text), ("BOTH", "operator")];
    let both = given_alone(case, &Probe::new(case, "example/one"), |flow| {
        operator(flow, &files);
        flow.stage.write("platform/env/BOTH", "user");
    });
    for given in both {
        case.equal(
            "P-ENV-012 P-ENV-014 B-PENV-006",
            given.var("TEXT"),
            Some(text),
        );
        case.equal("P-ENV-014", given.var("BOTH"), Some("user"));
    }
    let script = layer("a", "build", &[("env/BOTH", "buildpack")]);
    let given = given_after(case, &[script], |flow| operator(flow, &files));
    case.equal("P-ENV-014", given.var("BOTH"), Some("buildpack"));
}

fn operator_files_have_suffixes(case: &Case<'_>) {
    let files = [
        ("A.append", "operator"),
        ("A.delim", ","),
        ("B.prepend", "operator"),
        ("C.default", "operator"),
        ("D.override", "operator"),
        ("E.default", "operator"),
    ];
    let both = given_alone(case, &Probe::new(case, "example/one"), |flow| {
        operator(flow, &files);
        for name in ["A", "B", "C", "D"] {
            flow.stage.write(&format!("platform/env/{name}"), "user");
        }
    });
    for given in both {
        for (name, value) in [
            ("A", "user,operator"),
            ("B", "operatoruser"),
            ("C", "user"),
            ("D", "operator"),
            ("E", "operator"),
        ] {
            case.equal("P-ENV-013", given.var(name), Some(value));
        }
    }
}

fn operator_variables_come_last(case: &Case<'_>) {
    let script = layer(
        "a",
        "build",
        &[
            ("env/FOO.override", "buildpack"),
            ("env/BAR.append", "buildpack"),
        ],
    );
    let given = given_after(case, &[script], |flow| {
        operator(
            flow,
            &[("FOO.override", "operator"), ("BAR.append", "operator")],
        );
    });
    case.equal("P-ENV-015", given.var("FOO"), Some("operator"));
    case.equal("P-ENV-015", given.var("BAR"), Some("buildpackoperator"));
}

fn operator_variables_ignore_clear_env(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one").clear_env();
    let both = given_alone(case, &probe, |flow| {
        operator(flow, &[("FOO", "operator")]);
    });
    for given in both {
        case.equal("B-PENV-007", given.var("FOO"), Some("operator"));
    }
}

fn user_variables_reach_the_launched_process(case: &Case<'_>) {
    let mut launch = Launch::showing_env(case, &["example/one"]);
    launch.stage.set("BPL_OPTION", "user");
    launch.layer(
        "example_one/a/exec.d/keep",
        "#!/bin/sh\necho \"$BPL_OPTION\" > /record/option\n",
    );
    let env = launch.env();
    case.equal(
        "B-PENV-002",
        env.get("BPL_OPTION").map(String::as_str),
        Some("user"),
    );
    case.equal("B-PENV-002", launch.recorded("option"), ["user"]);
}

fn reserved_variables_are_the_specifications(case: &Case<'_>) {
    const DETECT: &[&str] = &["CNB_BUILD_PLAN_PATH"];
    const BUILD: &[&str] = &["CNB_LAYERS_DIR", "CNB_BP_PLAN_PATH"];
    const BOTH: &[&str] = &[
        "CNB_BUILDPACK_DIR",
        "CNB_EXEC_ENV",
        "CNB_PLATFORM_DIR",
        "CNB_STACK_ID",
        "CNB_TARGET_ARCH",
        "CNB_TARGET_ARCH_VARIANT",
        "CNB_TARGET_DISTRO_NAME",
        "CNB_TARGET_DISTRO_VERSION",
        "CNB_TARGET_OS",
    ];
    let probe = Probe::new(case, "example/one");
    let both = given_alone(case, &probe, |flow| flow.stage.set("CNB_UNKNOWN", "x"));
    for (given, own) in both.iter().zip([DETECT, BUILD]) {
        let strange: Vec<&String> = given
            .record
            .env
            .keys()
            .filter(|name| name.starts_with("CNB_"))
            .filter(|name| !BOTH.contains(&name.as_str()) && !own.contains(&name.as_str()))
            .collect();
        case.equal("B-PENV-013", strange, Vec::<&String>::new());
    }
}
