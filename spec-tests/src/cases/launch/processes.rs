//! Which process is meant, with which arguments, where, and with or without a shell.
use super::stand::{Launch, Process};
use crate::{probe::Probe, suite::Case, tests};

tests! {
    the_last_part_of_the_name_selects_a_process: ["P-LAUNCH-001", "P-LAUNCH-002"];
    a_process_is_eligible_where_it_says_so: ["P-LAUNCH-003", "P-LAUNCH-005"] .platform(15, 15);
    a_process_without_execution_environments_is_eligible_everywhere: ["P-LAUNCH-004"] .platform(15, 15);
    a_process_for_any_execution_environment_is_eligible_everywhere: ["P-LAUNCH-006"] .platform(15, 15);
    a_launch_fails_without_an_eligible_process: ["P-LAUNCH-007", "P-EXIT-017"] .platform(15, 15);
    a_process_runs_in_its_working_directory: ["P-LAUNCH-008"] .platform(9, 15) .each_of_both();
    a_process_without_working_directory_runs_in_the_app: ["P-LAUNCH-009"] .each_of_both();
    users_arguments_replace_default_arguments: ["P-LAUNCH-011", "P-LAUNCH-012"]
        .platform(10, 15) .buildpack(9, 12) .every_pair();
    newer_buildpacks_processes_run_without_a_shell: ["P-LAUNCH-010", "B-LAUNCH-006"]
        .platform(10, 15) .buildpack(9, 12) .every_pair();
    older_buildpacks_processes_say_whether_they_want_a_shell: ["P-LAUNCH-013"]
        .platform(10, 15) .buildpack(7, 8) .every_pair();
    older_buildpacks_processes_take_users_arguments_last: ["P-LAUNCH-014"]
        .platform(10, 15) .buildpack(7, 8) .every_pair();
    older_platforms_append_users_arguments: ["P-LAUNCH-015"] .platform(7, 9) .every_pair();
    two_dashes_run_a_command_without_a_shell: ["P-LAUNCH-016", "P-LAUNCH-017", "P-LAUNCH-018", "P-LAUNCH-024"]
        .each_of_both();
    a_command_after_two_dashes_runs_in_the_app: ["P-LAUNCH-019"] .platform(9, 15);
    a_command_without_dashes_runs_through_the_shell: ["P-LAUNCH-020", "P-LAUNCH-021", "P-LAUNCH-024"] .each_of_both();
    further_words_without_dashes_are_arguments: ["P-LAUNCH-022"];
    a_command_without_dashes_runs_in_the_app: ["P-LAUNCH-023"] .platform(9, 15);
    a_launch_fails_without_a_command_that_is_there: ["P-EXIT-017"];
    the_process_takes_the_place_of_the_launcher: ["P-LAUNCH-039", "B-LAUNCH-001"] .each_of_both();
}

/// A process `web` that says `word`, in these execution environments.
fn says(word: &str, exec_env: &str) -> Process {
    Process::new("web", &["echo", word]).line(&format!("exec-env = [{exec_env}]"))
}

fn the_last_part_of_the_name_selects_a_process(case: &Case<'_>) {
    let named = |name: &str| Process::new(name, &["echo", name]);
    let launch = Launch::new(case, &[named("web"), named("a.B_9-c")]);
    for kind in ["web", "a.B_9-c"] {
        let said = launch.process(kind, &[]);
        case.equal(
            "P-LAUNCH-001 P-LAUNCH-002",
            (said.code, said.stdout),
            (0, format!("{kind}\n")),
        );
    }
    for name in ["web", "/elsewhere/web"] {
        let script = format!("exec -a {name} /cnb/lifecycle/launcher");
        let said = launch.stage.run("/bin/bash", &["-c", &script]);
        case.equal(
            "P-LAUNCH-001",
            (said.code, said.stdout.as_str()),
            (0, "web\n"),
        );
    }
}

fn a_process_is_eligible_where_it_says_so(case: &Case<'_>) {
    let processes = [
        says("in test", "\"test\""),
        says("in both", "\"stage\", \"production\""),
    ];
    let mut launch = Launch::new(case, &processes);
    for (exec_env, said) in [
        ("production", "in both\n"),
        ("stage", "in both\n"),
        ("test", "in test\n"),
    ] {
        launch.stage.set("CNB_EXEC_ENV", exec_env);
        case.equal("P-LAUNCH-003 P-LAUNCH-005", launch.web(&[]), said);
    }
}

fn a_process_without_execution_environments_is_eligible_everywhere(case: &Case<'_>) {
    let mut launch = Launch::new(case, &[Process::new("web", &["echo", "here"])]);
    for exec_env in ["production", "test", "else"] {
        launch.stage.set("CNB_EXEC_ENV", exec_env);
        case.equal("P-LAUNCH-004", launch.web(&[]), "here\n");
    }
}

fn a_process_for_any_execution_environment_is_eligible_everywhere(case: &Case<'_>) {
    let mut launch = Launch::new(case, &[says("here", "\"*\"")]);
    for exec_env in ["production", "test", "else"] {
        launch.stage.set("CNB_EXEC_ENV", exec_env);
        case.equal("P-LAUNCH-006", launch.web(&[]), "here\n");
    }
}

fn a_launch_fails_without_an_eligible_process(case: &Case<'_>) {
    let other = Process::new("other", &["echo", "other"]);
    let mut launch = Launch::new(case, &[says("here", "\"test\", \"stage\""), other]);
    launch.stage.set("CNB_EXEC_ENV", "production");
    let outcome = launch.process("web", &[]);
    case.exit("P-LAUNCH-007 P-EXIT-017", &outcome, 80..=89);
    case.equal("P-LAUNCH-007", outcome.stdout.as_str(), "");
}

fn a_process_runs_in_its_working_directory(case: &Case<'_>) {
    let process = Process::new("web", &["pwd", "-P"]).line("working-dir = \"/tmp/place\"");
    let launch = Launch::new(case, &[process]);
    launch.stage.write("tmp/place/file", "");
    case.equal("P-LAUNCH-008", launch.web(&[]), "/tmp/place\n");
    if case.buildpack < 9 {
        let process = Process::shell("web", "pwd -P").line("working-dir = \"/tmp/place\"");
        let launch = Launch::new(case, &[process]);
        launch.stage.write("tmp/place/file", "");
        case.equal("P-LAUNCH-008", launch.web(&[]), "/tmp/place\n");
    }
}

fn a_process_without_working_directory_runs_in_the_app(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::new("web", &["pwd", "-P"])]);
    case.equal("P-LAUNCH-009", launch.web(&[]), "/workspace\n");
    if case.buildpack < 9 {
        let launch = Launch::new(case, &[Process::shell("web", "pwd -P")]);
        case.equal("P-LAUNCH-009", launch.web(&[]), "/workspace\n");
    }
}

fn users_arguments_replace_default_arguments(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::prints().args(&["a b", "$HOME"])]);
    case.equal("P-LAUNCH-012", launch.web(&[]), "<a b><$HOME>");
    case.equal("P-LAUNCH-011", launch.web(&["c"]), "<c>");
    case.equal(
        "P-LAUNCH-011",
        launch.web(&["c d", "", "--"]),
        "<c d><><-->",
    );
}

/// The process of a buildpack whose layer and whose app have profile scripts.
fn newer_buildpacks_processes_run_without_a_shell(case: &Case<'_>) {
    let launch_toml = Process::prints()
        .args(&["$HOME", "a  b"])
        .launch_toml(case.buildpack);
    let probe = Probe::new(case, "example/one").build(&format!(
        "mkdir -p \"$LAYERS/layer/profile.d\"\n\
         echo 'echo sourced' > \"$LAYERS/layer/profile.d/script\"\n\
         printf '[types]\\nlaunch = true\\n' > \"$LAYERS/layer.toml\"\n\
         cat > \"$LAYERS/launch.toml\" <<'END'\n{launch_toml}END"
    ));
    let launch = Launch::built(case, &[&probe]);
    launch.stage.write("workspace/.profile", "echo sourced\n");
    case.equal(
        "P-LAUNCH-010 B-LAUNCH-006",
        launch.web(&[]),
        "<$HOME><a  b>",
    );
    case.equal("P-LAUNCH-010", launch.web(&["$HOME"]), "<$HOME>");
}

fn older_buildpacks_processes_say_whether_they_want_a_shell(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::prints().args(&["$HOME"])]);
    case.equal("P-LAUNCH-013", launch.web(&[]), "<$HOME>");
    let launch = Launch::new(case, &[Process::shell("web", "echo $HOME && echo again")]);
    case.equal("P-LAUNCH-013", launch.web(&[]), "/tmp\nagain\n");
}

fn older_buildpacks_processes_take_users_arguments_last(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::prints().args(&["a"])]);
    case.equal("P-LAUNCH-014", launch.web(&["b", "c"]), "<a><b><c>");
    let launch = Launch::new(case, &[Process::shell("web", "echo").args(&["a"])]);
    case.equal("P-LAUNCH-014", launch.web(&["b", "c"]), "a b c\n");
}

fn older_platforms_append_users_arguments(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::prints().args(&["a"])]);
    case.equal("P-LAUNCH-015", launch.web(&[]), "<a>");
    case.equal("P-LAUNCH-015", launch.web(&["b c", "d"]), "<a><b c><d>");
}

fn two_dashes_run_a_command_without_a_shell(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::new("web", &["echo", "a process"])]);
    let outcome = launch.command(&["--", "printf", "<%s>", "$HOME", "a  b", "", "--"]);
    case.equal(
        "P-LAUNCH-016 P-LAUNCH-017 P-LAUNCH-018 P-LAUNCH-024",
        (outcome.code, outcome.stdout.as_str()),
        (0, "<$HOME><a  b><><-->"),
    );
}

fn a_command_after_two_dashes_runs_in_the_app(case: &Case<'_>) {
    let launch = Launch::new(case, &[]);
    let outcome = launch.command(&["--", "pwd", "-P"]);
    case.equal(
        "P-LAUNCH-019",
        (outcome.code, outcome.stdout.as_str()),
        (0, "/workspace\n"),
    );
}

fn a_command_without_dashes_runs_through_the_shell(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::new("web", &["echo", "a process"])]);
    let outcome = launch.command(&["echo $HOME && echo again"]);
    case.equal(
        "P-LAUNCH-020 P-LAUNCH-021 P-LAUNCH-024",
        (outcome.code, outcome.stdout.as_str()),
        (0, "/tmp\nagain\n"),
    );
}

fn further_words_without_dashes_are_arguments(case: &Case<'_>) {
    let launch = Launch::new(case, &[]);
    let outcome = launch.command(&["printf", "<%s>", "a", "b"]);
    case.equal(
        "P-LAUNCH-022",
        (outcome.code, outcome.stdout.as_str()),
        (0, "<a><b>"),
    );
}

fn a_command_without_dashes_runs_in_the_app(case: &Case<'_>) {
    let launch = Launch::new(case, &[]);
    let outcome = launch.command(&["pwd -P"]);
    case.equal(
        "P-LAUNCH-023",
        (outcome.code, outcome.stdout.as_str()),
        (0, "/workspace\n"),
    );
}

fn a_launch_fails_without_a_command_that_is_there(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::new("web", &["/no/such/file"])]);
    case.exit("P-EXIT-017", &launch.process("web", &[]), 80..=89);
    for args in [["--", "no-such-command"].as_slice(), &[]] {
        case.exit("P-EXIT-017", &launch.command(args), 80..=89);
    }
}

/// A process keeps its number when it executes another program, and a child has one of its own.
fn the_process_takes_the_place_of_the_launcher(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::new("web", &["/workspace/number"])]);
    launch
        .stage
        .write("workspace/number", "#!/bin/sh\necho $$\n");
    let outcome = launch
        .stage
        .run("/bin/sh", &["-c", "echo $$; exec /cnb/process/web"]);
    let numbers: Vec<&str> = outcome.stdout.lines().collect();
    case.check(
        "P-LAUNCH-039 B-LAUNCH-001",
        numbers.len() == 2 && numbers[0] == numbers[1],
        "the same process number twice",
        &outcome,
    );
}
