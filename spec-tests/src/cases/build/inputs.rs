//! Where the builder takes its inputs from: flag, then variable, then default.
use super::{analyzed, group, ready, record};
use crate::{flow::Flow, probe::Probe, read, suite::Case, tests};

tests! {
    analyzed_toml: ["P-BIN-001"] .platform(12, 15);
    app_directory: ["P-BIN-002"];
    build_config_directory: ["P-BIN-003"] .platform(11, 15);
    buildpacks_directory: ["P-BIN-004"];
    execution_environment: ["P-BIN-005"] .platform(15, 15) .buildpack(12, 12);
    group_toml: ["P-BIN-006"];
    layers_directory: ["P-BIN-007"];
    log_level: ["P-BIN-008"];
    plan_toml: ["P-BIN-009"];
    platform_directory: ["P-BIN-010"];
}

/// An input that is a path.
struct Input {
    id: &'static str,
    flag: &'static str,
    variable: &'static str,
    default: &'static str,
}

impl Input {
    /// Runs the builder with the default, with the variable, with the flag, and with both. `fill` writes what lies at
    /// a path so that `seen` gets `mark` back from the buildpack that ran.
    fn each_source(
        &self,
        case: &Case<'_>,
        fill: impl Fn(&Flow<'_>, &str, &str),
        seen: impl Fn(&Flow<'_>, &Probe) -> String,
    ) {
        let probe = Probe::new(case, "example/one").build("cp \"$PLAN\" /record/plan");
        let mut flow = ready(case, &[&probe]);
        let [by_variable, by_flag] =
            ["variable", "flag"].map(|from| format!("/tmp/{from}/{}", &self.default[1..]));
        fill(&flow, self.default, "default");
        fill(&flow, &by_variable, "variable");
        fill(&flow, &by_flag, "flag");
        let flag = format!("{}={by_flag}", self.flag);
        for (variable, flag, expected) in [
            (false, None, "default"),
            (true, None, "variable"),
            (false, Some(flag.as_str()), "flag"),
            (true, Some(flag.as_str()), "flag"),
        ] {
            flow.stage.unset(self.variable);
            if variable {
                flow.stage.set(self.variable, &by_variable);
            }
            let args: Vec<&str> = flag.into_iter().collect();
            case.succeeds(self.id, &flow.build(&args));
            case.equal(self.id, seen(&flow, &probe), expected);
        }
    }
}

/// `flag`, `variable` or `default`, whichever the path belongs to.
fn source_of(path: &str) -> String {
    let source = path
        .strip_prefix("/tmp/")
        .and_then(|rest| rest.split('/').next());
    source.unwrap_or("default").to_owned()
}

fn analyzed_toml(case: &Case<'_>) {
    let input = Input {
        id: "P-BIN-001",
        flag: "-analyzed",
        variable: "CNB_ANALYZED_PATH",
        default: "/layers/analyzed.toml",
    };
    input.each_source(
        case,
        |flow, path, mark| {
            let target = format!("os = \"linux\"\narch = \"{mark}\"");
            flow.stage.write(path, &analyzed(case, &target));
        },
        |flow, probe| {
            let given = record(flow, probe, "build");
            given.var("CNB_TARGET_ARCH").unwrap_or_default().to_owned()
        },
    );
}

fn app_directory(case: &Case<'_>) {
    let input = Input {
        id: "P-BIN-002",
        flag: "-app",
        variable: "CNB_APP_DIR",
        default: "/workspace",
    };
    input.each_source(
        case,
        |flow, path, _| flow.stage.write(&format!("{path}/app.txt"), "an app\n"),
        |flow, probe| source_of(&record(flow, probe, "build").cwd),
    );
}

fn build_config_directory(case: &Case<'_>) {
    let input = Input {
        id: "P-BIN-003",
        flag: "-build-config",
        variable: "CNB_BUILD_CONFIG_DIR",
        default: "/cnb/build-config",
    };
    input.each_source(
        case,
        |flow, path, mark| flow.stage.write(&format!("{path}/env/MARK"), mark),
        |flow, probe| {
            let given = record(flow, probe, "build");
            given.var("MARK").unwrap_or_default().to_owned()
        },
    );
}

fn buildpacks_directory(case: &Case<'_>) {
    let input = Input {
        id: "P-BIN-004",
        flag: "-buildpacks",
        variable: "CNB_BUILDPACKS_DIR",
        default: "/cnb/buildpacks",
    };
    input.each_source(
        case,
        |flow, path, _| Probe::new(case, "example/one").install_below(&flow.stage, path),
        |flow, probe| source_of(&record(flow, probe, "build").args[0]),
    );
}

fn execution_environment(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let mut flow = ready(case, &[&probe]);
    for (value, expected) in [(None, "production"), (Some("test"), "test")] {
        if let Some(value) = value {
            flow.stage.set("CNB_EXEC_ENV", value);
        }
        flow.build(&[]).expect_code(0);
        let given = record(&flow, &probe, "build");
        case.equal("P-BIN-005", given.var("CNB_EXEC_ENV"), Some(expected));
    }
}

fn group_toml(case: &Case<'_>) {
    let input = Input {
        id: "P-BIN-006",
        flag: "-group",
        variable: "CNB_GROUP_PATH",
        default: "/layers/group.toml",
    };
    input.each_source(
        case,
        |flow, path, mark| {
            let probe = Probe::new(case, "example/one").version(mark);
            flow.install(&[&probe]);
            flow.stage.write(path, &group(&[&probe]));
        },
        |flow, probe| {
            let program = record(flow, probe, "build").args[0].clone();
            let version = program.split('/').nth(4);
            version.unwrap_or_default().to_owned()
        },
    );
}

fn layers_directory(case: &Case<'_>) {
    let input = Input {
        id: "P-BIN-007",
        flag: "-layers",
        variable: "CNB_LAYERS_DIR",
        default: "/layers",
    };
    input.each_source(
        case,
        |flow, path, _| {
            for file in ["group.toml", "plan.toml", "analyzed.toml"] {
                let text = read(&flow.stage.path(&format!("layers/{file}")));
                flow.stage.write(&format!("{path}/{file}"), &text);
            }
        },
        |flow, probe| {
            let layers = &record(flow, probe, "build").args[1];
            let written = layers.replace("example_one", "config/metadata.toml");
            case.check(
                "P-BIN-007",
                flow.stage.path(&written).is_file(),
                "metadata.toml in the same layers directory",
                &written,
            );
            source_of(layers)
        },
    );
}

fn log_level(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let mut flow = ready(case, &[&probe]);
    let lines = |flow: &Flow<'_>, args: &[&str]| {
        let outcome = flow.build(args);
        case.succeeds("P-BIN-008", &outcome);
        outcome.output.lines().count()
    };
    let default = lines(&flow, &[]);
    let info = lines(&flow, &["-log-level=info"]);
    let debug = lines(&flow, &["-log-level=debug"]);
    case.equal("P-BIN-008", default, info);
    case.check("P-BIN-008", debug > info, "more to read", (debug, info));
    flow.stage.set("CNB_LOG_LEVEL", "debug");
    case.equal("P-BIN-008", lines(&flow, &[]), debug);
    case.equal("P-BIN-008", lines(&flow, &["-log-level=info"]), info);
}

fn plan_toml(case: &Case<'_>) {
    let input = Input {
        id: "P-BIN-009",
        flag: "-plan",
        variable: "CNB_PLAN_PATH",
        default: "/layers/plan.toml",
    };
    input.each_source(
        case,
        |flow, path, mark| {
            let provider = "{ id = \"example/one\", version = \"1.0\" }";
            let entry = format!(
                "[[entries]]\nproviders = [{provider}]\nrequires = [{{ name = \"{mark}\" }}]\n"
            );
            flow.stage.write(path, &entry);
        },
        |flow, _| {
            let plan = crate::toml_of(&flow.stage.path("record/plan"));
            plan["entries"][0]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        },
    );
}

fn platform_directory(case: &Case<'_>) {
    let input = Input {
        id: "P-BIN-010",
        flag: "-platform",
        variable: "CNB_PLATFORM_DIR",
        default: "/platform",
    };
    input.each_source(
        case,
        |flow, path, mark| flow.stage.write(&format!("{path}/env/MARK"), mark),
        |flow, probe| {
            let given = record(flow, probe, "build");
            let mark = given.var("MARK").unwrap_or_default();
            case.equal("P-BIN-010", source_of(&given.args[2]), mark);
            mark.to_owned()
        },
    );
}
