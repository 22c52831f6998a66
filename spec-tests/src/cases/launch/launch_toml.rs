//! `launch.toml`: what the builder takes from it, and what becomes of it at launch.
use super::stand::{Launch, Process};
use crate::{
    cases::build::{built, put, ready},
    flow::Flow,
    probe::Probe,
    suite::Case,
    tests,
};
use toml::Value;

tests! {
    any_number_of_labels_processes_and_slices: ["B-FLAUNCH-001", "B-FLAUNCH-002"] .each_of_both();
    process_types_have_letters_digits_and_three_signs: ["B-FLAUNCH-003"] .each_of_both();
    a_process_type_with_a_slash_is_refused: ["B-FLAUNCH-003"] .each_of_both();
    a_process_type_occurs_once: ["B-FLAUNCH-004"] .each_of_both();
    a_command_is_a_string: ["B-FLAUNCH-005", "B-FLAUNCH-009"] .buildpack(7, 8) .each_of_both();
    a_direct_process_bypasses_the_shell: ["B-FLAUNCH-009"] .buildpack(7, 8) .each_of_both();
    a_command_is_a_list: ["B-FLAUNCH-006"] .buildpack(9, 12) .each_of_both();
    words_after_the_command_are_always_passed: ["B-FLAUNCH-007"]
        .platform(10, 15) .buildpack(9, 12) .each_of_both();
    all_words_are_passed_without_replaceable_arguments: ["B-FLAUNCH-007", "B-FLAUNCH-008"]
        .platform(7, 9) .buildpack(9, 12) .every_pair();
    a_newer_process_cannot_ask_for_a_shell: ["B-FLAUNCH-010"]
        .platform(10, 15) .buildpack(9, 12) .each_of_both();
    a_working_directory_is_that_of_the_process: ["B-FLAUNCH-011"]
        .platform(9, 15) .buildpack(8, 12) .each_of_both();
    execution_environments_restrict_a_process: ["B-FLAUNCH-012", "B-FLAUNCH-013"]
        .platform(15, 15) .buildpack(12, 12);
    two_default_processes_of_one_buildpack_are_refused: ["B-FLAUNCH-014"] .each_of_both();
    the_last_default_process_is_the_default: ["B-FLAUNCH-014", "B-FLAUNCH-015"] .each_of_both();
    the_last_definition_of_a_process_is_used: ["B-FLAUNCH-016"] .each_of_both();
    a_later_definition_that_is_no_default_takes_the_default_away: ["B-FLAUNCH-017"] .each_of_both();
}

/// A buildpack that leaves this text as its `launch.toml`.
fn leaving(case: &Case<'_>, id: &str, launch_toml: &str) -> Probe {
    Probe::new(case, id).build(&put("$LAYERS/launch.toml", launch_toml))
}

/// `launch.toml` with these processes.
fn of(case: &Case<'_>, processes: &[Process]) -> String {
    let tables = processes
        .iter()
        .map(|process| process.launch_toml(case.buildpack));
    tables.collect()
}

/// What the builder makes of `example/one` with these processes.
fn launch_of(case: &Case<'_>, processes: &[Process]) -> Launch {
    Launch::built(case, &[&leaving(case, "example/one", &of(case, processes))])
}

/// The tables of one name in `metadata.toml`.
fn tables(metadata: &toml::Table, name: &str) -> Vec<Value> {
    let list = metadata.get(name).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn default_of(metadata: &toml::Table) -> &str {
    let name = metadata.get("buildpack-default-process-type");
    name.and_then(Value::as_str).unwrap_or_default()
}

fn counts(metadata: &toml::Table) -> [usize; 3] {
    ["labels", "processes", "slices"].map(|name| tables(metadata, name).len())
}

fn any_number_of_labels_processes_and_slices(case: &Case<'_>) {
    let nothing = [
        Probe::new(case, "example/none"),
        leaving(case, "example/empty", ""),
    ];
    let flow = built(case, &[&nothing[0], &nothing[1]]);
    let metadata = flow.layers_toml("config/metadata.toml");
    case.equal("B-FLAUNCH-001", counts(&metadata), [0, 0, 0]);
    let many = of(
        case,
        &[
            Process::new("web", &["true"]),
            Process::new("worker", &["true"]),
        ],
    ) + "[[labels]]\nkey = \"a\"\nvalue = \"1\"\n[[labels]]\nkey = \"b\"\nvalue = \"\"\n\
         [[slices]]\npaths = [\"a\"]\n[[slices]]\npaths = [\"b\", \"c/*\"]\n";
    let flow = built(case, &[&leaving(case, "example/many", &many)]);
    let metadata = flow.layers_toml("config/metadata.toml");
    case.equal("B-FLAUNCH-001", counts(&metadata), [2, 2, 2]);
    let labels: Vec<(String, String)> = tables(&metadata, "labels")
        .iter()
        .map(|label| (text(label, "key"), text(label, "value")))
        .collect();
    case.equal(
        "B-FLAUNCH-002",
        labels,
        [("a", "1"), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
}

fn text(table: &Value, key: &str) -> String {
    let value = table.get(key).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn process_types_have_letters_digits_and_three_signs(case: &Case<'_>) {
    let kind = "aZ09._-";
    let launch = launch_of(case, &[Process::new(kind, &["echo", "launched"])]);
    let outcome = launch.process(kind, &[]);
    case.equal(
        "B-FLAUNCH-003",
        (outcome.code, outcome.stdout.as_str()),
        (0, "launched\n"),
    );
}

/// Some phase refuses it before there is an image.
fn a_process_type_with_a_slash_is_refused(case: &Case<'_>) {
    let processes = of(case, &[Process::new("a/b", &["true"])]);
    let flow = ready(case, &[&leaving(case, "example/one", &processes)]);
    let mut outcome = flow.build(&[]);
    if outcome.code == 0 {
        outcome = flow.export(&[]);
    }
    case.fails("B-FLAUNCH-003", &outcome);
    case.check(
        "B-FLAUNCH-003",
        case.find(&flow.image).is_none(),
        "no image",
        &flow.image,
    );
}

/// A buildpack that breaks the rule is refused, or one of its definitions is used.
fn a_process_type_occurs_once(case: &Case<'_>) {
    let processes = of(
        case,
        &[
            Process::new("web", &["echo", "a"]),
            Process::new("web", &["echo", "b"]),
        ],
    );
    let flow = ready(case, &[&leaving(case, "example/one", &processes)]);
    let outcome = flow.build(&[]);
    case.check(
        "B-FLAUNCH-004",
        outcome.code != 0
            || tables(&flow.layers_toml("config/metadata.toml"), "processes").len() == 1,
        "a failure or one process",
        &outcome,
    );
}

fn a_command_is_a_string(case: &Case<'_>) {
    let launch = launch_of(case, &[Process::shell("web", "echo $HOME && echo again")]);
    case.equal(
        "B-FLAUNCH-005 B-FLAUNCH-009",
        launch.web(&[]),
        "/tmp\nagain\n",
    );
}

fn a_direct_process_bypasses_the_shell(case: &Case<'_>) {
    let launch = launch_of(case, &[Process::prints().args(&["$HOME"])]);
    launch.stage.write("workspace/.profile", "echo sourced\n");
    case.equal("B-FLAUNCH-009", launch.web(&["&&"]), "<$HOME><&&>");
}

fn a_command_is_a_list(case: &Case<'_>) {
    let launch = launch_of(
        case,
        &[
            Process::new("web", &["printf", "<%s>", "found on the path"]),
            Process::new("worker", &["/usr/bin/printf", "<%s>", "given by path"]),
        ],
    );
    case.equal("B-FLAUNCH-006", launch.web(&[]), "<found on the path>");
    let worker = launch.process("worker", &[]);
    case.equal(
        "B-FLAUNCH-006",
        (worker.code, worker.stdout.as_str()),
        (0, "<given by path>"),
    );
}

fn words_after_the_command_are_always_passed(case: &Case<'_>) {
    let process = Process::new("web", &["printf", "<%s>", "always"]).args(&["default"]);
    let launch = launch_of(case, &[process]);
    case.equal("B-FLAUNCH-007", launch.web(&[]), "<always><default>");
    case.equal("B-FLAUNCH-007", launch.web(&["user"]), "<always><user>");
}

fn all_words_are_passed_without_replaceable_arguments(case: &Case<'_>) {
    let process = Process::new("web", &["printf", "<%s>", "always"]).args(&["default"]);
    let launch = launch_of(case, &[process]);
    case.equal(
        "B-FLAUNCH-007 B-FLAUNCH-008",
        launch.web(&["user"]),
        "<always><default><user>",
    );
}

/// A buildpack that still sets it is refused, or its process runs without a shell all the same.
fn a_newer_process_cannot_ask_for_a_shell(case: &Case<'_>) {
    let process = Process::prints().args(&["$HOME"]).line("direct = false");
    let processes = of(case, &[process]);
    let probe = leaving(case, "example/one", &processes);
    let refused = ready(case, &[&probe]).build(&[]).code != 0;
    let printed = if refused {
        "<$HOME>".to_owned()
    } else {
        Launch::built(case, &[&probe]).web(&[])
    };
    case.equal("B-FLAUNCH-010", printed, "<$HOME>");
}

fn a_working_directory_is_that_of_the_process(case: &Case<'_>) {
    let launch = launch_of(
        case,
        &[
            Process::new("web", &["pwd", "-P"]).line("working-dir = \"/tmp/place\""),
            Process::new("worker", &["pwd", "-P"]),
        ],
    );
    launch.stage.write("tmp/place/file", "");
    case.equal("B-FLAUNCH-011", launch.web(&[]), "/tmp/place\n");
    case.equal(
        "B-FLAUNCH-011",
        launch.process("worker", &[]).stdout.as_str(),
        "/workspace\n",
    );
}

fn execution_environments_restrict_a_process(case: &Case<'_>) {
    let mut launch = launch_of(
        case,
        &[
            Process::new("tests", &["echo", "tests"]).line("exec-env = [\"test\", \"stage\"]"),
            Process::new("web", &["echo", "web"]),
        ],
    );
    case.fails("B-FLAUNCH-012", &launch.process("tests", &[]));
    case.equal("B-FLAUNCH-013", launch.web(&[]), "web\n");
    for exec_env in ["test", "stage"] {
        launch.stage.set("CNB_EXEC_ENV", exec_env);
        let outcome = launch.process("tests", &[]);
        case.equal(
            "B-FLAUNCH-012",
            (outcome.code, outcome.stdout.as_str()),
            (0, "tests\n"),
        );
        case.equal("B-FLAUNCH-013", launch.web(&[]), "web\n");
    }
}

/// A process that says `word`.
fn says(kind: &str, word: &str) -> Process {
    Process::new(kind, &["echo", word])
}

fn two_default_processes_of_one_buildpack_are_refused(case: &Case<'_>) {
    let processes = of(
        case,
        &[
            says("web", "a").line("default = true"),
            says("worker", "b").line("default = true"),
        ],
    );
    let flow = ready(case, &[&leaving(case, "example/one", &processes)]);
    case.fails("B-FLAUNCH-014", &flow.build(&[]));
}

/// The build of `example/one`, `example/two` … that leave these processes.
fn built_of<'a>(case: &'a Case<'a>, of_buildpacks: &[&[Process]]) -> Flow<'a> {
    let ids = ["example/one", "example/two", "example/three"];
    let probes: Vec<Probe> = ids
        .iter()
        .zip(of_buildpacks)
        .map(|(id, processes)| leaving(case, id, &of(case, processes)))
        .collect();
    let probes: Vec<&Probe> = probes.iter().collect();
    built(case, &probes)
}

fn the_last_default_process_is_the_default(case: &Case<'_>) {
    let flow = built_of(
        case,
        &[
            &[says("web", "a").line("default = true"), says("other", "a")],
            &[says("worker", "b").line("default = true")],
            &[says("last", "c")],
        ],
    );
    case.equal(
        "B-FLAUNCH-014 B-FLAUNCH-015",
        default_of(&flow.layers_toml("config/metadata.toml")),
        "worker",
    );
}

fn the_last_definition_of_a_process_is_used(case: &Case<'_>) {
    let flow = built_of(
        case,
        &[
            &[says("web", "a"), says("other", "a")],
            &[says("web", "b")],
            &[says("worker", "c")],
        ],
    );
    let launch = Launch::in_stage(flow.stage);
    case.equal("B-FLAUNCH-016", launch.web(&[]), "b\n");
    case.equal(
        "B-FLAUNCH-016",
        launch.process("other", &[]).stdout.as_str(),
        "a\n",
    );
    let metadata = launch.metadata();
    case.equal("B-FLAUNCH-016", tables(&metadata, "processes").len(), 3);
}

fn a_later_definition_that_is_no_default_takes_the_default_away(case: &Case<'_>) {
    let first = [says("web", "a").line("default = true")];
    let flow = built_of(case, &[&first, &[says("web", "b")]]);
    let metadata = flow.layers_toml("config/metadata.toml");
    case.equal("B-FLAUNCH-017", default_of(&metadata), "");
    let again = [says("web", "b").line("default = true")];
    let flow = built_of(case, &[&first, &again]);
    let metadata = flow.layers_toml("config/metadata.toml");
    case.equal("B-FLAUNCH-017", default_of(&metadata), "web");
}
