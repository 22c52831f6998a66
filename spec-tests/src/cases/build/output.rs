//! What the builder leaves: layers, and `config/metadata.toml`.
use super::{built, layer, put, ready};
use crate::{cases::launch::stand::Launch, flow::Flow, probe::Probe, read, suite::Case, tests};
use toml::Value;

tests! {
    layers_lie_below_their_buildpack: ["P-BUILD-004", "P-BUILD-005", "B-BUILD-018"];
    every_buildpack_is_listed: ["P-BUILD-006", "P-FMETA-002"] .each_of_both();
    processes_and_slices_are_combined: [
        "P-BUILD-007", "P-BUILD-008", "P-FMETA-005", "P-FMETA-008", "P-FMETA-013",
    ] .each_of_both();
    the_default_process_is_recorded: ["P-BUILD-010", "P-FMETA-001"] .each_of_both();
    a_command_is_text: ["P-FMETA-006"] .platform(7, 9) .each_of_both();
    a_command_is_a_list: ["P-FMETA-007"] .platform(10, 15) .each_of_both();
    working_directories_are_kept: ["P-FMETA-009"] .platform(9, 15) .buildpack(8, 12) .each_of_both();
    execution_environments_are_kept: ["P-FMETA-010", "P-FMETA-011"] .platform(15, 15) .buildpack(12, 12);
    a_process_without_execution_environments_is_valid_everywhere: ["P-FMETA-012"] .platform(15, 15);
    a_bill_of_materials_is_kept: ["P-BUILD-009", "P-FMETA-014"] .platform(7, 8) .each_of_both();
    a_buildpack_may_be_optional: ["P-FMETA-003"];
    reserved_names_are_no_layers: ["B-BUILD-006"] .each_of_both();
    export_follows_the_last_build: ["B-BUILD-004", "B-BUILD-009", "B-BUILD-008"];
}

/// A process for `launch.toml` in the form of the case's Buildpack API.
fn process(case: &Case<'_>, kind: &str, lines: &str) -> String {
    let command = if case.buildpack < 9 {
        "command = \"run\"\ndirect = true"
    } else {
        "command = [\"run\"]"
    };
    format!("[[processes]]\ntype = \"{kind}\"\n{command}\nargs = [\"a b\", \"c\"]\n{lines}\n")
}

/// A buildpack that writes `launch.toml`.
fn launching(case: &Case<'_>, id: &str, launch: &str) -> Probe {
    Probe::new(case, id).build(&put("$LAYERS/launch.toml", launch))
}

/// An array of tables in `metadata.toml`.
fn list(flow: &Flow<'_>, name: &str) -> Vec<Value> {
    let metadata = flow.layers_toml("config/metadata.toml");
    let list = metadata.get(name).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

/// The process of a type in `metadata.toml`.
fn written(flow: &Flow<'_>, kind: &str) -> Value {
    list(flow, "processes")
        .into_iter()
        .find(|process| process["type"].as_str() == Some(kind))
        .unwrap_or_else(|| panic!("metadata.toml has no process {kind}"))
}

/// A process as the only buildpack's only one.
fn written_alone(case: &Case<'_>, lines: &str) -> Value {
    let probe = launching(case, "example/one", &process(case, "web", lines));
    written(&built(case, &[&probe]), "web")
}

fn layers_lie_below_their_buildpack(case: &Case<'_>) {
    let script = layer("one", "launch", &[("file", "content")]);
    let probe = Probe::new(case, "simple").build(&script);
    let flow = Flow::with(case, &[&probe]);
    let image = flow.whole();
    let file = read(&flow.stage.path("layers/simple/one/file"));
    case.equal("P-BUILD-004", file, "content");
    let types = flow.layers_toml("simple/one.toml");
    case.equal("P-BUILD-005", &types["types"]["launch"], &Value::from(true));
    let entries = image.entries_above(1);
    let found = entries
        .iter()
        .find(|entry| entry.path.trim_start_matches('/') == "layers/simple/one/file");
    case.equal(
        "B-BUILD-018",
        found.map(|entry| entry.content.as_slice()),
        Some(b"content".as_slice()),
    );
}

fn every_buildpack_is_listed(case: &Case<'_>) {
    let (one, two) = (
        Probe::new(case, "example/one"),
        Probe::new(case, "two").version("2.3.4"),
    );
    let flow = built(case, &[&one, &two]);
    let api = case.buildpack_api();
    let seen: Vec<[String; 3]> = list(&flow, "buildpacks")
        .iter()
        .map(|entry| {
            ["id", "version", "api"].map(|key| {
                let value = entry.get(key).and_then(Value::as_str);
                value.unwrap_or_default().to_owned()
            })
        })
        .collect();
    let expected = [["example/one", "1.0", &api], ["two", "2.3.4", &api]];
    case.equal("P-BUILD-006 P-FMETA-002", seen, expected);
}

fn processes_and_slices_are_combined(case: &Case<'_>) {
    let slices = |path: &str| format!("[[slices]]\npaths = [\"{path}\", \"same\"]\n");
    let one = process(case, "web", "") + &process(case, "task", "") + &slices("one/*");
    let two = process(case, "worker", "") + &slices("two");
    let flow = built(
        case,
        &[
            &launching(case, "example/one", &one),
            &launching(case, "example/two", &two),
        ],
    );
    let processes = list(&flow, "processes");
    let mut types: Vec<&str> = processes
        .iter()
        .filter_map(|process| process["type"].as_str())
        .collect();
    types.sort_unstable();
    case.equal("P-BUILD-007 P-FMETA-005", types, ["task", "web", "worker"]);
    for process in &processes {
        let args = Value::from(vec!["a b", "c"]);
        case.equal("P-FMETA-008", process.get("args"), Some(&args));
        let direct = Value::from(true);
        case.equal("P-FMETA-008", process.get("direct"), Some(&direct));
    }
    let paths: Vec<Value> = list(&flow, "slices")
        .iter()
        .map(|slice| slice["paths"].clone())
        .collect();
    let expected = [vec!["one/*", "same"], vec!["two", "same"]].map(Value::from);
    case.equal("P-BUILD-008 P-FMETA-013", paths, expected);
}

fn the_default_process_is_recorded(case: &Case<'_>) {
    let one = process(case, "web", "default = true") + &process(case, "task", "");
    let two = process(case, "worker", "default = true");
    let [one, two, none] = [one, two, process(case, "other", "")]
        .iter()
        .zip(["example/one", "example/two", "example/none"])
        .map(|(launch, id)| launching(case, id, launch))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap_or_else(|_| panic!("there are three"));
    for (probes, expected) in [
        (vec![&one, &none], Some("web")),
        (vec![&one, &two, &none], Some("worker")),
        (vec![&none], None),
    ] {
        let metadata = built(case, &probes).layers_toml("config/metadata.toml");
        let default = metadata
            .get("buildpack-default-process-type")
            .and_then(Value::as_str);
        case.equal(
            "P-BUILD-010 P-FMETA-001",
            default.unwrap_or_default(),
            expected.unwrap_or_default(),
        );
    }
}

fn a_command_is_text(case: &Case<'_>) {
    let seen = written_alone(case, "");
    case.equal("P-FMETA-006", &seen["command"], &Value::from("run"));
}

fn a_command_is_a_list(case: &Case<'_>) {
    let seen = written_alone(case, "");
    case.equal("P-FMETA-007", &seen["command"], &Value::from(vec!["run"]));
}

fn working_directories_are_kept(case: &Case<'_>) {
    let seen = written_alone(case, "working-dir = \"/tmp/x\"");
    let expected = Value::from("/tmp/x");
    case.equal("P-FMETA-009", seen.get("working-dir"), Some(&expected));
}

fn execution_environments_are_kept(case: &Case<'_>) {
    let seen = |lines: &str| written_alone(case, lines).get("exec-env").cloned();
    let (some, all) = (
        Some(Value::from(vec!["test", "production"])),
        Some(Value::from(vec!["*"])),
    );
    case.equal(
        "P-FMETA-010",
        seen("exec-env = [\"test\", \"production\"]"),
        some,
    );
    case.equal("P-FMETA-011", seen("exec-env = [\"*\"]"), all.clone());
    // The specification calls the key optional, too.
    let unsaid = seen("");
    let holds = unsaid.is_none() || unsaid == all;
    case.check("P-FMETA-011", holds, "none, or everything", unsaid);
}

fn a_process_without_execution_environments_is_valid_everywhere(case: &Case<'_>) {
    let mut launch = Launch::showing_env(case, &["example/one"]);
    for exec_env in ["production", "test", "other"] {
        launch.stage.set("CNB_EXEC_ENV", exec_env);
        case.succeeds("P-FMETA-012", &launch.process("web", &[]));
    }
}

fn a_bill_of_materials_is_kept(case: &Case<'_>) {
    let bom = |name: &str| {
        format!("[[bom]]\nname = \"{name}\"\n[bom.metadata]\nlicense = \"{name} license\"\n")
    };
    let flow = built(
        case,
        &[
            &launching(case, "example/one", &bom("one")),
            &launching(case, "example/two", &bom("two")),
        ],
    );
    let entries: Vec<[Option<String>; 2]> = list(&flow, "bom")
        .iter()
        .map(|entry| {
            let license = entry
                .get("metadata")
                .and_then(|metadata| metadata.get("license"));
            [entry.get("name"), license].map(|value| value?.as_str().map(str::to_owned))
        })
        .collect();
    let expected =
        ["one", "two"].map(|name| [Some(name.to_owned()), Some(format!("{name} license"))]);
    // From Platform API 0.8 on only buildpacks before Buildpack API 0.7 have one.
    let holds = entries == expected || (case.platform == 8 && entries.is_empty());
    case.check(
        "P-BUILD-009 P-FMETA-014",
        holds,
        &format!("{expected:?}"),
        entries,
    );
}

fn a_buildpack_may_be_optional(case: &Case<'_>) {
    let launch = Launch::showing_env(case, &["example/one"]);
    let file = "layers/config/metadata.toml";
    let text = read(&launch.stage.path(file));
    let optional = text.replacen("[[buildpacks]]", "[[buildpacks]]\noptional = true", 1);
    launch.stage.write(file, &optional);
    case.succeeds("P-FMETA-003", &launch.process("web", &[]));
}

fn reserved_names_are_no_layers(case: &Case<'_>) {
    for name in ["build", "launch", "store"] {
        let script = layer(name, "build", &[("bin/x", ""), ("env/FOO", "set")]);
        let probe = Probe::new(case, "example/one").build(&script);
        let last = Probe::new(case, "example/last");
        let flow = ready(case, &[&probe, &last]);
        let outcome = flow.build(&[]);
        let seen = last.record(&flow.stage, "build");
        let is_layer = seen
            .as_ref()
            .is_some_and(|given| given.var("FOO").is_some());
        case.check(
            "B-BUILD-006",
            outcome.code != 0 || !is_layer,
            &format!("no layer '{name}'"),
            seen.map(|given| given.env),
        );
    }
}

fn export_follows_the_last_build(case: &Case<'_>) {
    const NAMES: [&str; 5] = ["two words", "dotted.name.x", "ünïcode", "-dash", "UPPER_1"];
    let layers: String = NAMES
        .iter()
        .map(|name| layer(name, "launch cache", &[("file", name)]))
        .collect();
    let script = layers + "cp app.txt /record/app\necho new > made.txt\necho changed > app.txt\n";
    let flow = Flow::with(case, &[&Probe::new(case, "example/one").build(&script)]);
    flow.until_build();
    let outcome = flow.export(&[]);
    case.succeeds("B-BUILD-004", &outcome);
    let entries = flow.pull().entries_above(1);
    let content = |path: &str| {
        let found = entries
            .iter()
            .find(|entry| entry.path.trim_start_matches('/') == path);
        found.map(|entry| String::from_utf8_lossy(&entry.content).into_owned())
    };
    for name in NAMES {
        let file = format!("layers/example_one/{name}/file");
        case.equal("B-BUILD-008", content(&file).as_deref(), Some(name));
    }
    case.equal(
        "B-BUILD-009",
        read(&flow.stage.path("record/app")),
        "an app\n",
    );
    case.equal(
        "B-BUILD-009",
        content("workspace/made.txt").as_deref(),
        Some("new\n"),
    );
    case.equal(
        "B-BUILD-009",
        content("workspace/app.txt").as_deref(),
        Some("changed\n"),
    );
    flow.next().until_restore();
    for name in NAMES {
        let file = flow.stage.path(&format!("layers/example_one/{name}/file"));
        case.equal("B-BUILD-008", read(&file), name);
    }
}
