//! Images from detection to the running process.
use super::stand::Process;
use crate::{
    cases::build::{layer, put},
    container::Container,
    flow::Flow,
    probe::{Probe, environment},
    suite::Case,
    tests,
};

tests! {
    an_image_starts_its_default_process: [
        "P-LAUNCH-001", "P-LAUNCH-009", "P-ENV-016", "P-ENV-017", "P-ENV-018", "P-ENV-019", "P-ENV-020",
        "B-LPATH-002", "B-LPATH-007", "B-EMOD-005",
    ] .each_of_both();
    an_image_starts_each_of_its_processes: ["P-LAUNCH-001", "B-FLAUNCH-003", "B-FLAUNCH-015", "B-FLAUNCH-016"];
    an_image_without_default_process_runs_commands:
        ["P-LAUNCH-016", "P-LAUNCH-020", "B-FLAUNCH-017"] .each_of_both();
    layers_that_are_no_launch_layers_stay_behind: ["B-LPATH-017"] .each_of_both();
    programs_and_profile_scripts_of_layers_are_in_the_image:
        ["P-LAUNCH-026", "P-LAUNCH-027", "P-LAUNCH-033", "P-LAUNCH-036"] .each_of_both();
}

/// Layers of the run image that all cases share.
const BASE: usize = 1;

/// A process that shows its environment.
fn shows_env(kind: &str) -> Process {
    Process::new(kind, &["cat", "/proc/self/environ"])
}

/// Shell lines of `bin/build` that leave these processes.
fn launch_toml(case: &Case<'_>, processes: &[Process]) -> String {
    let tables: String = processes
        .iter()
        .map(|process| process.launch_toml(case.buildpack))
        .collect();
    put("$LAYERS/launch.toml", &tables)
}

/// Builds and exports with these buildpacks.
fn container<'a>(case: &'a Case<'a>, probes: &[&Probe]) -> (Flow<'a>, Container) {
    let flow = Flow::with(case, probes);
    let container = Container::of(&flow.whole(), BASE);
    (flow, container)
}

fn an_image_starts_its_default_process(case: &Case<'_>) {
    let web = shows_env("web").line("default = true");
    let files = [
        ("bin/tool", "#!/bin/sh\n"),
        ("env.launch/OF_LAYER", "a layer"),
    ];
    let script = layer("a", "launch", &files) + &launch_toml(case, &[web]);
    let probe = Probe::new(case, "example/one").build(&script);
    let (flow, container) = container(case, &[&probe]);
    let container = container.with("OF_USER", "a user");
    let outcome = container.run(&flow.stage, &[]);
    case.exit("P-LAUNCH-001", &outcome, 0..=0);
    let env = environment(outcome.stdout.as_bytes());
    let value = |name: &str| env.get(name).map(String::as_str);
    case.equal("P-ENV-016", value("OF_USER"), Some("a user"));
    case.equal(
        "P-ENV-017 P-ENV-018 P-ENV-019",
        ["CNB_APP_DIR", "CNB_LAYERS_DIR", "CNB_PROCESS_TYPE"].map(value),
        [None, None, None],
    );
    case.equal("B-EMOD-005", value("OF_LAYER"), Some("a layer"));
    let path = value("PATH").unwrap_or_default();
    case.check(
        "B-LPATH-002 B-LPATH-007",
        path.starts_with("/layers/example_one/a/bin:"),
        "the layer's bin first",
        path,
    );
    case.lacks("P-ENV-020", path, "/cnb/process");
    let directory = container.run_as(&flow.stage, "/cnb/lifecycle/launcher", &["--", "pwd", "-P"]);
    case.equal("P-LAUNCH-009", directory.stdout.as_str(), "/workspace\n");
}

fn an_image_starts_each_of_its_processes(case: &Case<'_>) {
    let says = |kind: &str, word: &str| Process::new(kind, &["echo", word]);
    let first = [
        says("web", "web of one").line("default = true"),
        says("a.B_9-c", "other of one"),
        says("worker", "worker of one"),
    ];
    let second = [says("worker", "worker of two").line("default = true")];
    let probes = [
        Probe::new(case, "example/one").build(&launch_toml(case, &first)),
        Probe::new(case, "example/two").build(&launch_toml(case, &second)),
    ];
    let (flow, container) = container(case, &[&probes[0], &probes[1]]);
    case.equal(
        "B-FLAUNCH-015 B-FLAUNCH-016",
        container.run(&flow.stage, &[]).stdout.as_str(),
        "worker of two\n",
    );
    let said = |kind: &str| {
        let entrypoint = format!("/cnb/process/{kind}");
        container.run_as(&flow.stage, &entrypoint, &[]).stdout
    };
    case.equal("P-LAUNCH-001", said("web"), "web of one\n");
    case.equal(
        "P-LAUNCH-001 B-FLAUNCH-003",
        said("a.B_9-c"),
        "other of one\n",
    );
    case.equal("P-LAUNCH-001", said("worker"), "worker of two\n");
}

fn an_image_without_default_process_runs_commands(case: &Case<'_>) {
    let web = Process::new("web", &["echo", "a process"]);
    let default = web.clone().line("default = true");
    let probes = [
        Probe::new(case, "example/one").build(&launch_toml(case, &[default])),
        Probe::new(case, "example/two").build(&launch_toml(case, &[web])),
    ];
    let (flow, container) = container(case, &[&probes[0], &probes[1]]);
    case.equal(
        "B-FLAUNCH-017 P-LAUNCH-016",
        container
            .run(&flow.stage, &["--", "printf", "<%s>", "$HOME"])
            .stdout
            .as_str(),
        "<$HOME>",
    );
    case.equal(
        "B-FLAUNCH-017 P-LAUNCH-020",
        container
            .run(&flow.stage, &["echo one && echo two"])
            .stdout
            .as_str(),
        "one\ntwo\n",
    );
}

fn layers_that_are_no_launch_layers_stay_behind(case: &Case<'_>) {
    let files = [
        ("bin/tool", "#!/bin/sh\n"),
        ("lib/library", ""),
        ("env/STRAY", "stray"),
        ("env.launch/STRAY", "stray"),
    ];
    let script = [
        ("built", "build"),
        ("cached", "cache"),
        ("both", "build cache"),
        ("none", ""),
    ]
    .iter()
    .map(|(name, types)| layer(name, types, &files))
    .collect::<String>()
        + &launch_toml(case, &[shows_env("web").line("default = true")]);
    let probe = Probe::new(case, "example/one").build(&script);
    let (flow, container) = container(case, &[&probe]);
    let outcome = container.run(&flow.stage, &[]);
    outcome.expect_code(0);
    let env = environment(outcome.stdout.as_bytes());
    case.lacks("B-LPATH-017", &env["PATH"], "/layers");
    case.equal(
        "B-LPATH-017",
        (env.get("LD_LIBRARY_PATH"), env.get("STRAY")),
        (None, None),
    );
}

fn programs_and_profile_scripts_of_layers_are_in_the_image(case: &Case<'_>) {
    let files = [
        (
            "exec.d/program",
            "#!/bin/sh\necho 'BY_PROGRAM = \"program\"' >&3\n",
        ),
        ("profile.d/script", "export BY_SCRIPT=script\n"),
    ];
    let script = layer("a", "launch", &files) + "chmod 755 \"$LAYERS/a/exec.d/program\"\n";
    let probe = Probe::new(case, "example/one").build(&script);
    let flow = Flow::with(case, &[&probe]);
    let profile = "export BY_APP=app\n";
    flow.stage.write("workspace/.profile", profile);
    let container = Container::of(&flow.whole(), BASE);
    let command = "echo $BY_PROGRAM $BY_SCRIPT $BY_APP";
    case.equal(
        "P-LAUNCH-026 P-LAUNCH-027 P-LAUNCH-033 P-LAUNCH-036",
        container.run(&flow.stage, &[command]).stdout.as_str(),
        "program script app\n",
    );
}
