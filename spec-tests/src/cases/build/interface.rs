//! What `bin/build` is given, and in which order buildpacks run.
use super::{analyzed, built, layer, ready, record};
use crate::{
    flow::Flow,
    probe::{Probe, order_of_runs},
    read,
    suite::Case,
    tests,
};

tests! {
    build_is_given_its_directories: ["B-BLDIF-001", "B-BLDIF-002", "B-BLDIF-003", "B-BLDIF-007"] .each_of_both();
    the_umask_is_inherited: [] .each_buildpack();
    directories_are_in_variables: ["B-BLDIF-004", "B-BLDIF-005", "B-BLDIF-006"] .buildpack(8, 12) .each_of_both();
    each_buildpack_has_its_own_layers_and_plan: ["B-BLDIF-008", "B-BLDIF-009"] .each_of_both();
    buildpacks_run_in_the_order_of_the_group: ["P-BUILD-002", "B-BUILD-001"];
    only_status_0_is_success: ["B-BLDIF-010", "B-BUILD-002", "B-BUILD-003"] .each_of_both();
    buildpacks_are_found_by_id_and_version: ["P-DIRS-001"];
    the_target_is_in_variables: [
        "B-TENV-001", "B-TENV-002", "B-TENV-003", "B-TENV-004", "B-TENV-005", "P-BUILD-003",
    ] .platform(12, 15) .buildpack(10, 12) .each_of_both();
    an_unknown_variant_is_not_set: ["B-TENV-003"] .platform(12, 15) .buildpack(10, 12) .each_of_both();
}

fn build_is_given_its_directories(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one").build("cp \"$PLAN\" /record/plan");
    let flow = built(case, &[&probe]);
    let given = record(&flow, &probe, "build");
    case.equal(
        "B-BLDIF-001",
        &given.args[0],
        &format!("{}/bin/build", probe.dir()),
    );
    case.equal("B-BLDIF-002", given.cwd, "/workspace");
    case.equal(
        "B-BLDIF-003",
        &given.args[1..3],
        &[probe.layers(), "/platform".to_owned()],
    );
    let is_plan = given.args.len() == 4 && flow.stage.path("record/plan").is_file();
    case.check(
        "B-BLDIF-003",
        is_plan,
        "a third argument that names a file",
        &given.args,
    );
    case.equal(
        "B-BLDIF-007",
        given.env.get("CNB_BUILDPACK_DIR"),
        Some(&probe.dir()),
    );
}

/// No requirement says so, yet every buildpack counts on files that others may read.
fn the_umask_is_inherited(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let flow = built(case, &[&probe]);
    let own = flow.stage.run("/bin/sh", &["-c", "umask"]).stdout;
    case.equal("", record(&flow, &probe, "build").umask, own.trim());
}

fn directories_are_in_variables(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let flow = built(case, &[&probe]);
    let given = record(&flow, &probe, "build");
    let layers = probe.layers();
    case.equal(
        "B-BLDIF-004",
        given.var("CNB_LAYERS_DIR"),
        Some(layers.as_str()),
    );
    case.equal(
        "B-BLDIF-005",
        given.var("CNB_PLATFORM_DIR"),
        Some("/platform"),
    );
    let plan = given.var("CNB_BP_PLAN_PATH");
    case.equal("B-BLDIF-006", plan, Some(given.args[3].as_str()));
    case.check(
        "B-BLDIF-006",
        plan.is_some_and(|path| path.starts_with('/')),
        "an absolute path",
        plan,
    );
}

fn each_buildpack_has_its_own_layers_and_plan(case: &Case<'_>) {
    let probe = |id: &str| {
        let script = layer("same", "build", &[("owner", id)]);
        Probe::new(case, &format!("example/{id}"))
            .build(&format!("{script}cp \"$PLAN\" /record/plan-{id}"))
    };
    let (one, two) = (probe("one"), probe("two"));
    let flow = ready(case, &[&one, &two]);
    let entry = |id: &str| {
        format!(
            "[[entries]]\nproviders = [{{ id = \"example/{id}\", version = \"1.0\" }}]\n\
             requires = [{{ name = \"for-{id}\" }}]\n"
        )
    };
    flow.stage
        .write("layers/plan.toml", &(entry("one") + &entry("two")));
    flow.build(&[]).expect_code(0);
    for (probe, id, other) in [(&one, "one", "two"), (&two, "two", "one")] {
        let owner = format!("{}/same/owner", probe.layers());
        case.equal("B-BLDIF-008", read(&flow.stage.path(&owner)), id);
        let plan = read(&flow.stage.path(&format!("record/plan-{id}")));
        case.contains("B-BLDIF-009", &plan, &format!("for-{id}"));
        case.lacks("B-BLDIF-009", &plan, &format!("for-{other}"));
    }
}

fn buildpacks_run_in_the_order_of_the_group(case: &Case<'_>) {
    let probes = ["c", "a", "b"].map(|id| Probe::new(case, id));
    let flow = built(case, &[&probes[0], &probes[1], &probes[2]]);
    case.equal(
        "P-BUILD-002 B-BUILD-001",
        order_of_runs(&flow.stage),
        ["build c", "build a", "build b"],
    );
}

fn only_status_0_is_success(case: &Case<'_>) {
    for status in [0, 1, 100, 255] {
        let first = Probe::new(case, "example/first").build(&format!("exit {status}"));
        let second = Probe::new(case, "example/second");
        let flow = ready(case, &[&first, &second]);
        let outcome = flow.build(&[]);
        if status == 0 {
            case.succeeds("B-BLDIF-010", &outcome);
        } else {
            case.fails("B-BLDIF-010 B-BUILD-002", &outcome);
            case.equal(
                "B-BUILD-003",
                order_of_runs(&flow.stage),
                ["build example/first"],
            );
        }
    }
}

fn buildpacks_are_found_by_id_and_version(case: &Case<'_>) {
    let probe = |version: &str| Probe::new(case, "simple").version(version);
    let (old, new) = (probe("1.0"), probe("2.0"));
    let flow = ready(case, &[&old]);
    flow.install(&[&new]);
    flow.build(&[]).expect_code(0);
    let program = |flow: &Flow<'_>| record(flow, &old, "build").args[0].clone();
    case.equal(
        "P-DIRS-001",
        program(&flow),
        "/cnb/buildpacks/simple/1.0/bin/build",
    );
    flow.stage
        .write("layers/group.toml", &super::group(&[&new]));
    flow.build(&[]).expect_code(0);
    case.equal(
        "P-DIRS-001",
        program(&flow),
        "/cnb/buildpacks/simple/2.0/bin/build",
    );
    let missing = super::group(&[&probe("3.0")]);
    flow.stage.write("layers/group.toml", &missing);
    case.fails("P-DIRS-001", &flow.build(&[]));
}

/// Detection and build of one buildpack for a run image with this target.
fn for_target<'a>(case: &'a Case<'a>, probe: &Probe, target: &str) -> Flow<'a> {
    let flow = Flow::with(case, &[probe]);
    flow.stage
        .write("layers/analyzed.toml", &analyzed(case, target));
    flow.detect(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    flow
}

fn the_target_is_in_variables(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let target = "os = \"linux\"\narch = \"arm64\"\narch-variant = \"v8\"\n\
         [run-image.target.distro]\nname = \"ubuntu\"\nversion = \"24.04\"";
    let flow = for_target(case, &probe, target);
    for executable in ["detect", "build"] {
        let given = record(&flow, &probe, executable);
        let ids = |id: &str| match executable {
            "build" => format!("{id} P-BUILD-003"),
            _ => id.to_owned(),
        };
        for (id, name, value) in [
            ("B-TENV-001", "CNB_TARGET_OS", "linux"),
            ("B-TENV-002", "CNB_TARGET_ARCH", "arm64"),
            ("B-TENV-003", "CNB_TARGET_ARCH_VARIANT", "v8"),
            ("B-TENV-004", "CNB_TARGET_DISTRO_NAME", "ubuntu"),
            ("B-TENV-005", "CNB_TARGET_DISTRO_VERSION", "24.04"),
        ] {
            case.equal(&ids(id), given.var(name), Some(value));
        }
    }
}

fn an_unknown_variant_is_not_set(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let flow = for_target(case, &probe, "os = \"linux\"\narch = \"amd64\"");
    for executable in ["detect", "build"] {
        let given = record(&flow, &probe, executable);
        let variant = given.var("CNB_TARGET_ARCH_VARIANT");
        case.equal("B-TENV-003", variant.unwrap_or_default(), "");
    }
}
