//! The label `io.buildpacks.build.metadata`.
use super::{ID, exported, metadata, process, ready};
use crate::{image::Image, suite::Case, tests};
use serde_json::{Value, json};

tests! {
    processes: ["P-LBLD-001", "P-LBLD-002", "P-EXPORT-032"];
    a_command_is_a_string: ["P-LBLD-003"] .platform(7, 9);
    a_command_is_an_array: ["P-LBLD-004"] .platform(10, 15);
    working_directories: ["P-LBLD-005"] .platform(9, 15);
    the_buildpack_of_a_process: ["P-LBLD-006"] .platform(11, 15);
    execution_environments: ["P-LBLD-007"] .platform(15, 15);
    buildpacks: ["P-LBLD-008"];
    buildpack_apis: ["P-LBLD-009"] .platform(11, 15) .each_of_both();
    bill_of_materials: ["P-LBLD-012"] .platform(7, 8);
    launcher: ["P-LBLD-013", "P-LBLD-014", "P-LBLD-015"];
}

/// The label of an export with these processes and further lines in `config/metadata.toml`.
fn label(case: &Case<'_>, lines: &str) -> Value {
    let flow = ready(case);
    let metadata = metadata(case, lines);
    flow.stage.write("layers/config/metadata.toml", &metadata);
    read(&exported(&flow))
}

fn read(image: &Image) -> Value {
    image.json_label("io.buildpacks.build.metadata")
}

/// The process of this type in the label.
fn find(label: &Value, kind: &str) -> Value {
    let processes = label["processes"].as_array().cloned().unwrap_or_default();
    let mut processes = processes.into_iter();
    let found = processes.find(|process| process["type"] == kind);
    found.unwrap_or_else(|| panic!("the label has no process {kind}: {label:#}"))
}

fn processes(case: &Case<'_>) {
    let kinds = ["web", "worker", "task"];
    let lines: String = kinds.iter().map(|kind| process(case, kind, "")).collect();
    let label = label(case, &lines.replacen("direct = true", "direct = false", 1));
    let count = label["processes"].as_array().map(Vec::len);
    case.equal("P-LBLD-001 P-EXPORT-032", count, Some(kinds.len()));
    for kind in kinds {
        let process = find(&label, kind);
        case.equal("P-LBLD-001 P-LBLD-002", &process["type"], kind);
        case.equal("P-LBLD-002", &process["args"], &json!(["one", "two"]));
        case.equal("P-LBLD-002", &process["direct"], kind != "web");
        case.check(
            "P-LBLD-002",
            !process["command"].is_null(),
            "a command",
            &process,
        );
    }
}

fn a_command_is_a_string(case: &Case<'_>) {
    let label = label(case, &process(case, "web", ""));
    case.equal("P-LBLD-003", &find(&label, "web")["command"], "run");
}

fn a_command_is_an_array(case: &Case<'_>) {
    let lines = process(case, "web", "") + &process(case, "worker", "");
    let lines = lines.replacen("[\"run\"]", "[\"run\", \"a b\"]", 1);
    let label = label(case, &lines);
    case.equal(
        "P-LBLD-004",
        &find(&label, "web")["command"],
        &json!(["run", "a b"]),
    );
    case.equal(
        "P-LBLD-004",
        &find(&label, "worker")["command"],
        &json!(["run"]),
    );
}

fn working_directories(case: &Case<'_>) {
    let label = label(case, &process(case, "web", "working-dir = \"/tmp/there\""));
    case.equal(
        "P-LBLD-005",
        &find(&label, "web")["working-dir"],
        "/tmp/there",
    );
}

fn the_buildpack_of_a_process(case: &Case<'_>) {
    let label = label(case, &process(case, "web", ""));
    case.equal("P-LBLD-006", &find(&label, "web")["buildpackID"], ID);
}

fn execution_environments(case: &Case<'_>) {
    let lines = [
        process(case, "web", "exec-env = [\"production\", \"test\"]"),
        process(case, "task", "exec-env = [\"*\"]"),
        process(case, "worker", ""),
    ];
    let label = label(case, &lines.concat());
    let expected = json!(["production", "test"]);
    case.equal("P-LBLD-007", &find(&label, "web")["exec-env"], &expected);
    for kind in ["task", "worker"] {
        let seen = &find(&label, kind)["exec-env"];
        let means_all = seen.is_null() || *seen == json!(["*"]);
        case.check("P-LBLD-007", means_all, "nothing or [\"*\"]", seen);
    }
}

/// A build of two buildpacks, of which the first has a homepage.
fn of_two_buildpacks(case: &Case<'_>) -> Value {
    let flow = ready(case);
    let api = case.buildpack_api();
    let members = format!(
        "[{{ id = \"{ID}\", version = \"1.2.3\", api = \"{api}\", homepage = \"https://one.example\" }}, \
         {{ id = \"example/two\", version = \"0.1\", api = \"{api}\" }}]\n"
    );
    flow.stage
        .write("layers/group.toml", &format!("group = {members}"));
    let metadata = format!("buildpacks = {members}");
    flow.stage.write("layers/config/metadata.toml", &metadata);
    read(&exported(&flow))["buildpacks"].clone()
}

fn buildpacks(case: &Case<'_>) {
    let seen = of_two_buildpacks(case);
    case.equal("P-LBLD-008", seen.as_array().map(Vec::len), Some(2));
    for (index, id, version) in [(0, ID, "1.2.3"), (1, "example/two", "0.1")] {
        case.equal("P-LBLD-008", &seen[index]["id"], id);
        case.equal("P-LBLD-008", &seen[index]["version"], version);
    }
    case.equal("P-LBLD-008", &seen[0]["homepage"], "https://one.example");
}

fn buildpack_apis(case: &Case<'_>) {
    let seen = of_two_buildpacks(case);
    for index in [0, 1] {
        case.equal(
            "P-LBLD-009",
            &seen[index]["api"],
            case.buildpack_api().as_str(),
        );
    }
}

fn bill_of_materials(case: &Case<'_>) {
    let lines = format!(
        "[[bom]]\nname = \"library\"\n[bom.metadata]\nversion = \"3\"\n[bom.buildpack]\nid = \"{ID}\"\nversion = \"1.0\"\n"
    );
    let bom = &label(case, &lines)["bom"];
    case.equal("P-LBLD-012", bom.as_array().map(Vec::len), Some(1));
    case.equal("P-LBLD-012", &bom[0]["name"], "library");
    case.equal("P-LBLD-012", &bom[0]["metadata"], &json!({"version": "3"}));
    case.equal("P-LBLD-012", &bom[0]["buildpack"]["id"], ID);
}

/// Where the lifecycle says what it is, the label says the same.
fn launcher(case: &Case<'_>) {
    let launcher = &label(case, "")["launcher"];
    let version = launcher["version"].as_str().unwrap_or_default();
    let said = case.stage().phase("exporter", &["-version"]).output;
    let is_said = !version.is_empty() && said.contains(version);
    case.check(
        "P-LBLD-013",
        is_said,
        &format!("the version in '{said}'"),
        version,
    );
    let git = &launcher["source"]["git"];
    case.check(
        "P-LBLD-014",
        git["repository"].is_string(),
        "a repository",
        launcher,
    );
    case.check(
        "P-LBLD-015",
        git["commit"].is_string(),
        "a commit",
        launcher,
    );
}
