//! Where the detector takes its inputs from: a flag, then a variable, then the default.
use super::{analyzed, debian, given, members, ready};
use crate::{flow::Flow, probe::Probe, suite::Case, tests};

tests! {
    analyzed_is_found: ["P-DIN-001"] .platform(12, 15);
    app_is_found: ["P-DIN-002"];
    build_config_is_found: ["P-DIN-003"] .platform(11, 15);
    buildpacks_are_found: ["P-DIN-004"];
    group_is_written: ["P-DIN-008"];
    layers_are_found: ["P-DIN-009"];
    the_log_level_is_taken: ["P-DIN-010"];
    order_is_found: ["P-DIN-011"];
    plan_is_written: ["P-DIN-012"];
    platform_is_found: ["P-DIN-013"];
    system_is_found: ["P-DIN-015"] .platform(15, 15);
}

/// What can be said of an input.
struct Input {
    flag: &'static str,
    variable: &'static str,
    /// Its default, what the variable says, and what the flag says.
    places: [&'static str; 3],
}

impl Input {
    const fn new(flag: &'static str, variable: &'static str, places: [&'static str; 3]) -> Self {
        Self {
            flag,
            variable,
            places,
        }
    }

    /// Runs detection with nothing said, with the variable, and with both variable and flag, of a buildpack that is
    /// also the only group; `prepare` fills a place, and `seen` says which place was used.
    fn used(
        &self,
        case: &Case<'_>,
        prepare: impl Fn(&Flow<'_>, &str),
        seen: impl Fn(&Flow<'_>, &Probe) -> String,
    ) -> [String; 3] {
        [0, 1, 2].map(|said| {
            let probe = Probe::new(case, "example/probe");
            let mut flow = ready(case);
            flow.order(&[&[&probe]]);
            for place in self.places {
                prepare(&flow, place);
            }
            if said >= 1 {
                flow.stage.set(self.variable, self.places[1]);
            }
            let flag = format!("{}={}", self.flag, self.places[2]);
            let args: &[&str] = if said == 2 { &[&flag] } else { &[] };
            flow.detect(args).expect_code(0);
            seen(&flow, &probe)
        })
    }

    /// The same for a file that is written: the only one of the places that is there afterwards.
    fn written(&self, case: &Case<'_>) -> [String; 3] {
        let there = |flow: &Flow<'_>, _: &Probe| {
            let exists = |place: &&str| flow.stage.path(place).exists();
            let places: Vec<&str> = self.places.into_iter().filter(exists).collect();
            places.join(" ")
        };
        self.used(case, |_, _| (), there)
    }
}

fn variable(flow: &Flow<'_>, probe: &Probe, name: &str) -> String {
    given(flow, probe).var(name).unwrap_or_default().to_owned()
}

fn analyzed_is_found(case: &Case<'_>) {
    let input = Input::new(
        "-analyzed",
        "CNB_ANALYZED_PATH",
        ["/layers/analyzed.toml", "/tmp/env.toml", "/tmp/flag.toml"],
    );
    let prepare = |flow: &Flow<'_>, place: &str| {
        let target = debian(place);
        flow.stage.write(place, &analyzed(case, &target));
    };
    let used = input.used(case, prepare, |flow, probe| {
        variable(flow, probe, "CNB_TARGET_DISTRO_VERSION")
    });
    case.equal("P-DIN-001", used, input.places);
}

fn app_is_found(case: &Case<'_>) {
    let input = Input::new(
        "-app",
        "CNB_APP_DIR",
        ["/workspace", "/tmp/env", "/tmp/flag"],
    );
    let prepare = |flow: &Flow<'_>, place: &str| flow.stage.write(&format!("{place}/a"), "");
    let used = input.used(case, prepare, |flow, probe| given(flow, probe).cwd);
    case.equal("P-DIN-002", used, input.places);
}

fn build_config_is_found(case: &Case<'_>) {
    let input = Input::new(
        "-build-config",
        "CNB_BUILD_CONFIG_DIR",
        ["/cnb/build-config", "/tmp/env", "/tmp/flag"],
    );
    let prepare = |flow: &Flow<'_>, place: &str| {
        flow.stage
            .write(&format!("{place}/env/FROM_OPERATOR"), place);
    };
    let used = input.used(case, prepare, |flow, probe| {
        variable(flow, probe, "FROM_OPERATOR")
    });
    case.equal("P-DIN-003", used, input.places);
}

fn buildpacks_are_found(case: &Case<'_>) {
    let input = Input::new(
        "-buildpacks",
        "CNB_BUILDPACKS_DIR",
        ["/cnb/buildpacks", "/tmp/env", "/tmp/flag"],
    );
    let prepare = |flow: &Flow<'_>, place: &str| {
        Probe::new(case, "example/probe").install_below(&flow.stage, place);
    };
    let used = input.used(case, prepare, |flow, probe| {
        variable(flow, probe, "CNB_BUILDPACK_DIR").replace("/example_probe/1.0", "")
    });
    case.equal("P-DIN-004", used, input.places);
}

fn group_is_written(case: &Case<'_>) {
    let input = Input::new(
        "-group",
        "CNB_GROUP_PATH",
        ["/layers/group.toml", "/tmp/env.toml", "/tmp/flag.toml"],
    );
    case.equal("P-DIN-008", input.written(case), input.places);
}

/// Files without a path of their own are in the layers directory.
fn layers_are_found(case: &Case<'_>) {
    let input = Input::new(
        "-layers",
        "CNB_LAYERS_DIR",
        ["/layers", "/tmp/env", "/tmp/flag"],
    );
    let prepare = |flow: &Flow<'_>, place: &str| {
        flow.stage.write(
            &format!("{place}/analyzed.toml"),
            &analyzed(case, &debian("12")),
        );
    };
    let used = input.used(case, prepare, |flow, _| {
        let exists = |place: &&str| {
            ["group.toml", "plan.toml"]
                .iter()
                .all(|file| flow.stage.path(&format!("{place}/{file}")).exists())
        };
        let places: Vec<&str> = input.places.into_iter().filter(exists).collect();
        places.join(" ")
    });
    case.equal("P-DIN-009", used, input.places);
}

/// What is said at which level is open; more is said at `debug` than at `info`.
fn the_log_level_is_taken(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe").detect("echo said-by-detect");
    let lines = |variable: Option<&str>, flag: &[&str]| {
        let mut flow = ready(case);
        flow.order(&[&[&probe]]);
        if let Some(level) = variable {
            flow.stage.set("CNB_LOG_LEVEL", level);
        }
        let outcome = flow.detect(flag);
        outcome.expect_code(0);
        outcome.output.lines().count()
    };
    let info = lines(None, &["-log-level=info"]);
    let debug = lines(None, &["-log-level=debug"]);
    case.check(
        "P-DIN-010",
        debug > info,
        &format!("more than {info} lines at debug"),
        debug,
    );
    case.equal("P-DIN-010", lines(None, &[]), info);
    case.equal("P-DIN-010", lines(Some("debug"), &[]), debug);
    case.equal(
        "P-DIN-010",
        lines(Some("debug"), &["-log-level=info"]),
        info,
    );
}

fn order_is_found(case: &Case<'_>) {
    let input = Input::new(
        "-order",
        "CNB_ORDER_PATH",
        ["/layers/order.toml", "/tmp/env.toml", "/tmp/flag.toml"],
    );
    let prepare = |flow: &Flow<'_>, place: &str| {
        let id = format!("example{}", place.replace(".toml", ""));
        let probe = Probe::new(case, &id);
        probe.install(&flow.stage);
        flow.stage
            .write(place, &format!("[[order]]\ngroup = [{}]\n", probe.entry()));
    };
    let used = input.used(case, prepare, |flow, _| members(flow).join(" "));
    let expected = [
        "example/layers/order",
        "example/tmp/env",
        "example/tmp/flag",
    ];
    case.equal("P-DIN-011", used, expected);
    let flow = ready(case);
    prepare(&flow, "/cnb/order.toml");
    case.equal("P-DIN-011", super::selected(&flow), ["example/cnb/order"]);
}

fn plan_is_written(case: &Case<'_>) {
    let input = Input::new(
        "-plan",
        "CNB_PLAN_PATH",
        ["/layers/plan.toml", "/tmp/env.toml", "/tmp/flag.toml"],
    );
    case.equal("P-DIN-012", input.written(case), input.places);
}

fn platform_is_found(case: &Case<'_>) {
    let input = Input::new(
        "-platform",
        "CNB_PLATFORM_DIR",
        ["/platform", "/tmp/env", "/tmp/flag"],
    );
    let prepare = |flow: &Flow<'_>, place: &str| {
        flow.stage.write(&format!("{place}/env/FROM_USER"), place);
    };
    let used = input.used(case, prepare, |flow, probe| {
        let record = given(flow, probe);
        let said = [
            record.args.get(1).cloned(),
            record.var("FROM_USER").map(str::to_owned),
        ];
        let mut said: Vec<String> = said.into_iter().flatten().collect();
        said.dedup();
        said.join(" ")
    });
    case.equal("P-DIN-013", used, input.places);
}

fn system_is_found(case: &Case<'_>) {
    let input = Input::new(
        "-system",
        "CNB_SYSTEM_PATH",
        ["/cnb/system.toml", "/tmp/env.toml", "/tmp/flag.toml"],
    );
    let prepare = |flow: &Flow<'_>, place: &str| {
        let id = format!("system{}", place.replace(".toml", ""));
        let probe = Probe::new(case, &id);
        probe.install(&flow.stage);
        let text = format!("[[system.pre.buildpacks]]\nid = \"{id}\"\nversion = \"1.0\"\n");
        flow.stage.write(place, &text);
    };
    let used = input.used(case, prepare, |flow, _| members(flow)[0].clone());
    let expected = ["system/cnb/system", "system/tmp/env", "system/tmp/flag"];
    case.equal("P-DIN-015", used, expected);
}
