//! What a run of the creator does: the same as the phases one by one.
use super::{create_anew, found};
use crate::{
    cases::{
        build::{layer, put},
        layers::CYCLONE_DX,
    },
    flow::Flow,
    probe::{Probe, Record, order_of_runs},
    read,
    suite::Case,
    tests,
};
use std::fs;

tests! {
    the_creator_does_what_the_phases_do: ["P-CREATE-002"];
    its_outputs_are_those_of_the_exporter: ["P-CREATE-008"];
    it_restores_nothing_when_told_so: ["P-CREATE-004"] .platform(7, 8);
    it_restores_no_sbom_when_told_so: ["P-CREATE-005"] .platform(9, 9);
    it_restores_only_the_store_when_told_so: ["P-CREATE-006"] .platform(10, 15);
    the_operator_has_a_say: ["P-CREATE-003"] .platform(11, 15);
    the_time_of_the_image_is_taken: ["P-CREATE-003"] .platform(9, 15);
    the_execution_environment_is_taken: ["P-CREATE-003"] .platform(15, 15);
    buildpacks_of_the_system_take_part: ["P-CREATE-003"] .platform(15, 15);
}

/// A buildpack with all that is worth restoring: it lists what it found and leaves layers of every kind, SBOM files, a
/// store, a process and a label.
fn thorough(case: &Case<'_>) -> Probe {
    let mut script = found();
    for types in [
        "launch",
        "cache",
        "build cache",
        "cache launch",
        "build cache launch",
    ] {
        let name = format!("for-{}", types.replace(' ', "-"));
        script += &layer(&name, types, &[("file", types)]);
        script += &put(&format!("$LAYERS/{name}.sbom.cdx.json"), "{}");
    }
    script += &put("$LAYERS/store.toml", "[metadata]\nkept = \"yes\"\n");
    script += &put(
        "$LAYERS/launch.toml",
        "[[processes]]\ntype = \"web\"\ncommand = [\"run\"]\ndefault = true\n\
         [[labels]]\nkey = \"example.key\"\nvalue = \"example value\"\n",
    );
    Probe::new(case, "example/one")
        .sbom_formats(&[CYCLONE_DX])
        .build(&script)
}

/// What a build left: the image, its report, what buildpacks found, the files of the cache and of the layers
/// directory's own parts. Fingerprints of files are of one build only.
fn left(flow: &Flow<'_>) -> [String; 5] {
    let sums = |dirs: &str| {
        let script = format!(
            "cd / && find {dirs} -type f ! -name fingerprints.toml -exec sha256sum {{}} + | sort -k 2"
        );
        flow.stage.run("/bin/sh", &["-c", &script]).output
    };
    [
        flow.pull().digest,
        read(&flow.stage.path("layers/report.toml")).replace(&flow.image, "<image>"),
        read(&flow.stage.path("record/found")),
        sums("cache"),
        sums("layers/config layers/example_one"),
    ]
}

fn the_creator_does_what_the_phases_do(case: &Case<'_>) {
    let probe = thorough(case);
    let chain = Flow::with(case, &[&probe]);
    let whole = Flow::with(case, &[&probe]);
    let given = |flow: &Flow<'_>| {
        ["detect", "build"].map(|executable| {
            let given: Option<Record> = probe.record(&flow.stage, executable);
            given.map(|given| (given.env, given.cwd, given.uid, given.gid, given.umask))
        })
    };
    for _ in ["first", "next"] {
        chain.next().whole();
        whole.next().create(&[]).expect_code(0);
        case.equal("P-CREATE-002", left(&whole), left(&chain));
    }
    // The paths of the plans are temporary.
    let temporary = |name: &String| name.contains("PLAN_PATH");
    let [of_whole, of_chain] = [&whole, &chain].map(|flow| {
        let records = given(flow).into_iter().flatten();
        let records = records.map(|(mut env, cwd, uid, gid, umask)| {
            env.retain(|name, _| !temporary(name));
            (env, cwd, uid, gid, umask)
        });
        records.collect::<Vec<_>>()
    });
    case.equal("P-CREATE-002", of_whole, of_chain);
}

fn its_outputs_are_those_of_the_exporter(case: &Case<'_>) {
    let flow = Flow::with(case, &[&thorough(case)]);
    case.succeeds("P-CREATE-008", &flow.create(&[]));
    let image = flow.pull();
    let report = flow.layers_toml("report.toml");
    let digest = report["image"]["digest"].as_str();
    case.equal("P-CREATE-008", digest, Some(image.digest.as_str()));
    let entries = fs::read_dir(flow.stage.path("cache")).expect("list the cache directory");
    case.differ("P-CREATE-008", entries.count(), 0);
}

/// What buildpacks find in their layers directories on a build after one that left everything.
fn found_next(case: &Case<'_>, args: &[&str]) -> Vec<String> {
    let flow = Flow::with(case, &[&thorough(case)]);
    flow.create(&[]).expect_code(0);
    flow.next().create(args).expect_code(0);
    let text = read(&flow.stage.path("record/found"));
    text.lines().map(str::to_owned).collect()
}

fn it_restores_nothing_when_told_so(case: &Case<'_>) {
    case.differ("P-CREATE-004", found_next(case, &[]).len(), 0);
    let found = found_next(case, &["-skip-restore"]);
    case.equal("P-CREATE-004", found, Vec::<String>::new());
}

fn it_restores_no_sbom_when_told_so(case: &Case<'_>) {
    let sbom = "./for-cache-launch.sbom.cdx.json".to_owned();
    let found = found_next(case, &[]);
    case.check(
        "P-CREATE-005",
        found.contains(&sbom),
        "an SBOM file",
        &found,
    );
    let found = found_next(case, &["-skip-restore"]);
    case.equal("P-CREATE-005", found, Vec::<String>::new());
}

fn it_restores_only_the_store_when_told_so(case: &Case<'_>) {
    case.check(
        "P-CREATE-006",
        found_next(case, &[]).len() > 1,
        "more than the store without the flag",
        (),
    );
    let found = found_next(case, &["-skip-restore"]);
    case.equal("P-CREATE-006", found, ["./store.toml"]);
}

/// A variable of `bin/build`, which all these flags lead to.
fn variable(flow: &mut Flow<'_>, probe: &Probe, case: &Case<'_>, args: &[&str]) -> String {
    create_anew(case, flow, args).expect_code(0);
    let given = probe.record(&flow.stage, "build").expect("bin/build ran");
    given.var("SAID").unwrap_or_default().to_owned()
}

fn the_operator_has_a_say(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let mut flow = Flow::with(case, &[&probe]);
    for dir in ["/cnb/build-config", "/tmp/variable", "/tmp/flag"] {
        flow.stage.write(&format!("{dir}/env/SAID"), dir);
    }
    let default = variable(&mut flow, &probe, case, &[]);
    case.equal("P-CREATE-003", default, "/cnb/build-config");
    flow.stage.set("CNB_BUILD_CONFIG_DIR", "/tmp/variable");
    let by_variable = variable(&mut flow, &probe, case, &[]);
    case.equal("P-CREATE-003", by_variable, "/tmp/variable");
    let by_flag = variable(&mut flow, &probe, case, &["-build-config=/tmp/flag"]);
    case.equal("P-CREATE-003", by_flag, "/tmp/flag");
}

fn the_time_of_the_image_is_taken(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.stage.set("SOURCE_DATE_EPOCH", "1000000000");
    create_anew(case, &mut flow, &[]).expect_code(0);
    let created = flow.pull().config["created"].to_string();
    case.contains("P-CREATE-003", &created, "2001-09-09T01:46:40");
}

fn the_execution_environment_is_taken(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let mut flow = Flow::with(case, &[&probe]);
    for (value, expected) in [(None, "production"), (Some("test"), "test")] {
        if let Some(value) = value {
            flow.stage.set("CNB_EXEC_ENV", value);
        }
        create_anew(case, &mut flow, &[]).expect_code(0);
        for executable in ["detect", "build"] {
            let given = probe.record(&flow.stage, executable).expect("it ran");
            case.equal("P-CREATE-003", given.var("CNB_EXEC_ENV"), Some(expected));
        }
    }
}

fn buildpacks_of_the_system_take_part(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let places = ["/cnb/system.toml", "/tmp/variable.toml", "/tmp/flag.toml"];
    for place in places {
        let probe = Probe::new(case, &place[1..]);
        probe.install(&flow.stage);
        let text = format!("[system.pre]\nbuildpacks = [{}]\n", probe.entry());
        flow.stage.write(place, &text);
    }
    let first = |flow: &mut Flow<'_>, args: &[&str]| {
        flow.next();
        create_anew(case, flow, args).expect_code(0);
        let runs = order_of_runs(&flow.stage);
        let built = runs.iter().find_map(|run| run.strip_prefix("build "));
        format!("/{}", built.unwrap_or_default())
    };
    case.equal("P-CREATE-003", first(&mut flow, &[]), places[0]);
    flow.stage.set("CNB_SYSTEM_PATH", places[1]);
    case.equal("P-CREATE-003", first(&mut flow, &[]), places[1]);
    let flag = format!("-system={}", places[2]);
    case.equal("P-CREATE-003", first(&mut flow, &[&flag]), places[2]);
}
