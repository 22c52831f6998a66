//! Processes and commands that run through the shell, and what it sources before them.
use super::stand::{Launch, Process};
use crate::{suite::Case, tests};

tests! {
    profile_scripts_and_command_share_one_shell: ["P-LAUNCH-031", "P-LAUNCH-040"] .each_of_both();
    profile_scripts_of_an_older_process_share_its_shell: ["P-LAUNCH-031", "P-LAUNCH-040", "B-LAUNCH-005"]
        .buildpack(7, 8) .each_of_both();
    profile_scripts_run_in_the_app: ["P-LAUNCH-032"] .each_of_both();
    profile_scripts_are_sourced_by_buildpack_layer_and_name: ["P-LAUNCH-033", "P-LAUNCH-034"] .each_of_both();
    profile_scripts_for_the_process_are_sourced_after_the_general_ones: ["P-LAUNCH-035"]
        .buildpack(7, 8) .each_of_both();
    the_apps_own_profile_is_sourced_last: ["P-LAUNCH-036"] .each_of_both();
    the_apps_own_profile_serves_older_processes: ["P-LAUNCH-036", "B-LAUNCH-005", "B-LAUNCH-007"]
        .buildpack(7, 8) .each_of_both();
    a_direct_process_sources_nothing: ["P-LAUNCH-038"] .each_of_both();
    a_direct_command_sources_nothing: ["P-LAUNCH-038"];
    the_shell_is_bash: ["P-LAUNCH-042"];
    an_older_process_without_arguments_is_a_shell_command: ["B-LAUNCH-003"] .buildpack(7, 8) .each_of_both();
    an_older_processs_words_are_parsed_by_the_shell: ["B-LAUNCH-002"] .buildpack(7, 8) .each_of_both();
    an_older_direct_process_is_executed_as_it_is: ["B-LAUNCH-004"] .buildpack(7, 8) .each_of_both();
}

/// Scripts that note the number of their process, and a variable that is not exported, in `/record/shell`.
fn leave_shell_notes(launch: &Launch) {
    launch.layers(&[
        (
            "example_one/a/profile.d/1",
            "plain=kept\necho $$ >> /record/shell\n",
        ),
        (
            "example_one/a/profile.d/2",
            "echo $$ $plain >> /record/shell\n",
        ),
    ]);
    launch.stage.write(
        "workspace/.profile",
        "echo $$ $plain >> /record/shell\nexport SHARED=$plain\n",
    );
    launch.stage.write(
        "workspace/note",
        "#!/bin/sh\necho $$ $SHARED >> /record/shell\n",
    );
}

/// The notes of a launch by a process of this number, which all of them name.
fn expect_one_process(case: &Case<'_>, launch: &Launch, launcher: &str) {
    let outcome = launch
        .stage
        .run("/bin/sh", &["-c", &format!("echo $$; exec {launcher}")]);
    let own = outcome.stdout.trim();
    case.equal(
        "P-LAUNCH-031 P-LAUNCH-040",
        launch.recorded("shell"),
        [
            own.to_owned(),
            format!("{own} kept"),
            format!("{own} kept"),
            format!("{own} kept"),
        ],
    );
}

fn profile_scripts_and_command_share_one_shell(case: &Case<'_>) {
    let launch = Launch::new(case, &[]);
    leave_shell_notes(&launch);
    expect_one_process(case, &launch, "/cnb/lifecycle/launcher /workspace/note");
}

fn profile_scripts_of_an_older_process_share_its_shell(case: &Case<'_>) {
    for process in [
        Process::shell("web", "/workspace/note"),
        Process::shell("web", "/workspace/note").args(&["word"]),
    ] {
        let launch = Launch::new(case, &[process]);
        leave_shell_notes(&launch);
        expect_one_process(case, &launch, "/cnb/process/web");
    }
    let launch = Launch::new(case, &[Process::shell("web", "echo $FROM_LAYER")]);
    launch.layer(
        "example_one/a/profile.d/1",
        "export FROM_LAYER=\"$(pwd -P) $((1 + 1))\"\n",
    );
    case.equal("B-LAUNCH-005", launch.web(&[]), "/workspace 2\n");
}

fn profile_scripts_run_in_the_app(case: &Case<'_>) {
    let launch = Launch::new(case, &[]);
    launch.layer("example_one/a/profile.d/1", "pwd -P >> /record/directory\n");
    launch
        .stage
        .write("workspace/.profile", "pwd -P >> /record/directory\n");
    launch.command(&["true"]).expect_code(0);
    case.equal(
        "P-LAUNCH-032",
        launch.recorded("directory"),
        ["/workspace", "/workspace"],
    );
}

fn profile_scripts_are_sourced_by_buildpack_layer_and_name(case: &Case<'_>) {
    let launch = Launch::of(case, &["example/two", "example/one"], &[]);
    let expected = [
        "example_two/a/profile.d/1",
        "example_two/a/profile.d/2",
        "example_two/b/profile.d/0",
        "example_one/a/profile.d/10",
        "example_one/a/profile.d/9.sh",
    ];
    launch.scripts_that_tell_their_order(&expected);
    launch.command(&["true"]).expect_code(0);
    case.equal(
        "P-LAUNCH-033 P-LAUNCH-034",
        launch.recorded("order"),
        expected,
    );
}

fn profile_scripts_for_the_process_are_sourced_after_the_general_ones(case: &Case<'_>) {
    let process = Process::shell("web", "true");
    let launch = Launch::of(case, &["example/two", "example/one"], &[process]);
    let expected = [
        "example_two/b/profile.d/z",
        "example_one/a/profile.d/z",
        "example_two/a/profile.d/web/1",
        "example_two/b/profile.d/web/0",
        "example_one/a/profile.d/web/1",
    ];
    launch.scripts_that_tell_their_order(&expected);
    launch.scripts_that_tell_their_order(&["example_one/a/profile.d/worker/1"]);
    launch.web(&[]);
    case.equal("P-LAUNCH-035", launch.recorded("order"), expected);
}

fn the_apps_own_profile_is_sourced_last(case: &Case<'_>) {
    let launch = Launch::new(case, &[]);
    launch.layer("example_one/a/profile.d/1", "export WORD=layer\n");
    let print = || {
        launch
            .command(&["echo \"$WORD\""])
            .expect_code(0)
            .stdout
            .clone()
    };
    case.equal("P-LAUNCH-036", print(), "layer\n");
    launch
        .stage
        .write("workspace/.profile", "export WORD=\"$WORD, then app\"\n");
    case.equal("P-LAUNCH-036", print(), "layer, then app\n");
}

fn the_apps_own_profile_serves_older_processes(case: &Case<'_>) {
    let launch = Launch::new(case, &[Process::shell("web", "echo \"$WORD\"")]);
    launch.layers(&[
        ("example_one/a/profile.d/1", "export WORD=general\n"),
        (
            "example_one/a/profile.d/web/1",
            "export WORD=\"$WORD, special\"\n",
        ),
    ]);
    launch.stage.write(
        "workspace/.profile",
        "words=(\"$WORD\" app)\nexport WORD=\"${words[*]}\"\n",
    );
    case.equal(
        "P-LAUNCH-036 B-LAUNCH-005 B-LAUNCH-007",
        launch.web(&[]),
        "general, special app\n",
    );
}

/// An app with profile scripts that must not be sourced.
fn with_profiles(case: &Case<'_>, processes: &[Process]) -> Launch {
    let launch = Launch::new(case, processes);
    launch.scripts_that_tell_their_order(&[
        "example_one/a/profile.d/1",
        "example_one/a/profile.d/web/1",
    ]);
    launch
        .stage
        .write("workspace/.profile", "echo app >> /record/order\n");
    launch
}

fn a_direct_process_sources_nothing(case: &Case<'_>) {
    let launch = with_profiles(case, &[Process::prints()]);
    case.equal("P-LAUNCH-038", launch.web(&["$HOME"]), "<$HOME>");
    case.equal("P-LAUNCH-038", launch.recorded("order").len(), 0);
}

fn a_direct_command_sources_nothing(case: &Case<'_>) {
    let launch = with_profiles(case, &[]);
    launch.command(&["--", "true"]).expect_code(0);
    case.equal("P-LAUNCH-038", launch.recorded("order").len(), 0);
}

fn the_shell_is_bash(case: &Case<'_>) {
    let launch = Launch::new(case, &[]);
    launch.stage.write(
        "workspace/.profile",
        "list=(a b c)\nexport LAST=${list[2]}\n",
    );
    let outcome = launch.command(&["[[ $LAST == c ]] && echo ${BASH_VERSINFO[0]}"]);
    let version: u32 = outcome.stdout.trim().parse().unwrap_or_default();
    case.check("P-LAUNCH-042", version >= 3, "bash 3 or later", &outcome);
}

fn an_older_process_without_arguments_is_a_shell_command(case: &Case<'_>) {
    let command = "echo $HOME && echo 'a  b' | tr a-z A-Z";
    let launch = Launch::new(case, &[Process::shell("web", command)]);
    case.equal("B-LAUNCH-003", launch.web(&[]), "/tmp\nA  B\n");
}

fn an_older_processs_words_are_parsed_by_the_shell(case: &Case<'_>) {
    let mut launch = Launch::new(
        case,
        &[Process::shell("web", "echo").args(&["$WORD", "a", "$(echo b)"])],
    );
    launch.stage.set("WORD", "word");
    case.equal("B-LAUNCH-002", launch.web(&[]), "word a b\n");
}

fn an_older_direct_process_is_executed_as_it_is(case: &Case<'_>) {
    let process = Process::prints().args(&["$HOME", "a  b", "&&", ""]);
    let launch = Launch::new(case, &[process]);
    case.equal("B-LAUNCH-004", launch.web(&[]), "<$HOME><a  b><&&><>");
}
