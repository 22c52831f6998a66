//! Launching as wharf promises it: the reference's behaviour where the specification is silent, and failures in words.
use crate::{
    cases::{
        build::put,
        launch::stand::{Launch, Process},
    },
    fixture,
    flow::Flow,
    probe::Probe,
    stage::{Outcome, Stage},
    suite::Case,
    tests,
};

tests! {
    the_references_metadata_is_launched: [] .once();
    commands_of_both_shapes_run_on_every_platform_api: [];
    a_newer_process_is_direct_whatever_metadata_says: [] .platform(10, 15) .buildpack(9, 12) .each_of_both();
    a_working_directory_is_obeyed_before_platforms_knew_of_it: ["B-FLAUNCH-011"] .platform(7, 8) .buildpack(8, 12);
    a_relative_working_directory_hangs_on_the_app: [] .once();
    processes_of_one_type_for_different_environments_are_both_kept: ["P-LAUNCH-003"] .platform(15, 15);
    the_launchers_own_variables_and_directories_are_taken_out: [];
    a_process_type_variable_is_warned_about_and_ignored: [];
    an_empty_variable_is_as_good_as_none: [];
    signals_are_as_a_fresh_process_has_them: [] .once();
    no_descriptor_of_the_launcher_is_left_to_the_process: [] .once();
    words_for_the_shell_are_expanded_and_stay_words: [];
    profile_scripts_may_have_any_name: [] .once();
    a_link_to_a_program_is_run_and_a_directory_is_not: [] .once();
    a_directory_of_the_path_must_be_absolute: [] .once();
    versions_that_are_unknown_have_their_own_statuses: [];
    a_failure_names_the_file_and_the_reason: [] .once();
    a_failing_program_is_named_with_its_status: [] .once();
    the_launcher_is_smaller_than_a_mebibyte: [] .once();
    an_image_does_not_say_what_it_was_built_for: [] .platform(15, 15);
    files_of_layers_have_their_say_after_all_directories: [];
}

/// Exit status and standard output.
fn said(outcome: &Outcome) -> (i32, &str) {
    (outcome.code, outcome.stdout.as_str())
}

/// A container with this text as its `metadata.toml`.
fn launch_of(case: &Case<'_>, metadata: &str) -> Launch {
    let stage = case.stage();
    stage.write("layers/config/metadata.toml", metadata);
    Launch::in_stage(stage)
}

/// Builds of the reference at four Platform APIs left these files.
fn the_references_metadata_is_launched(case: &Case<'_>) {
    for (api, with_users_argument) in [
        ("0.7", "<a b><c><u>"),
        ("0.9", "<a b><c><u>"),
        ("0.13", "<u>"),
        ("0.15", "<u>"),
    ] {
        let mut stage = case.stage();
        stage.set("CNB_PLATFORM_API", api);
        let recorded = fixture("golden/reference").join(api);
        stage.copy(&recorded.join("first/4-builder/config"), "layers/config");
        stage.write("workspace/bin/run", "#!/bin/sh\nprintf '<%s>' \"$@\"\n");
        let tool = "#!/bin/sh\necho \"$(pwd -P) $*\"\n";
        stage.write("workspace/tools/sleep", tool);
        let mut launch = Launch::in_stage(stage);
        case.equal("", launch.web(&[]), "<a b><c>");
        case.equal("", launch.web(&["u"]), with_users_argument);
        launch.stage.set("PATH", "/workspace/tools:/usr/bin:/bin");
        case.equal("", said(&launch.process("worker", &[])), (0, "/tmp 2\n"));
    }
}

/// An image may be older or newer than the API it is launched with.
fn commands_of_both_shapes_run_on_every_platform_api(case: &Case<'_>) {
    let launch = launch_of(
        case,
        "[[processes]]\ntype = \"one\"\ncommand = \"printf\"\nargs = [\"<%s>\", \"a\"]\ndirect = true\n\
         [[processes]]\ntype = \"list\"\ncommand = [\"printf\", \"<%s>\"]\nargs = [\"a\"]\ndirect = true\n\
         [[processes]]\ntype = \"line\"\ncommand = \"echo a && echo b\"\n\
         [[processes]]\ntype = \"listed-line\"\ncommand = [\"echo a && echo b\"]\n",
    );
    for (kind, expected) in [
        ("one", "<a>"),
        ("list", "<a>"),
        ("line", "a\nb\n"),
        ("listed-line", "a\nb\n"),
    ] {
        case.equal("", said(&launch.process(kind, &[])), (0, expected));
    }
}

fn a_newer_process_is_direct_whatever_metadata_says(case: &Case<'_>) {
    let process = Process::shell("web", "printf").args(&["<%s>", "$HOME"]);
    let launch = Launch::new(case, &[process]);
    launch.stage.write("workspace/.profile", "echo sourced\n");
    case.equal("", launch.web(&[]), "<$HOME>");
}

fn a_working_directory_is_obeyed_before_platforms_knew_of_it(case: &Case<'_>) {
    let process = Process::new("web", &["pwd", "-P"]).line("working-dir = \"/tmp\"");
    let script = put("$LAYERS/launch.toml", &process.launch_toml(case.buildpack));
    let probe = Probe::new(case, "example/one").build(&script);
    let launch = Launch::built(case, &[&probe]);
    case.equal("B-FLAUNCH-011", launch.web(&[]), "/tmp\n");
}

fn a_relative_working_directory_hangs_on_the_app(case: &Case<'_>) {
    let in_directory = |name: &str| {
        let line = format!("working-dir = \"{name}\"");
        Launch::new(case, &[Process::new("web", &["pwd", "-P"]).line(&line)])
    };
    let launch = in_directory("sub");
    launch.stage.write("workspace/sub/file", "");
    case.equal("", launch.web(&[]), "/workspace/sub\n");
    let gone = in_directory("gone").process("web", &[]);
    case.exit("", &gone, 82..=82);
    case.contains("", &gone.stderr, "/workspace/gone");
}

/// The reference keeps the last of them only, and the launcher has nothing to choose from.
fn processes_of_one_type_for_different_environments_are_both_kept(case: &Case<'_>) {
    let says = |word: &str, exec_env: &str| {
        let process = Process::new("web", &["echo", word]);
        process
            .line(&format!("exec-env = [\"{exec_env}\"]"))
            .launch_toml(case.buildpack)
    };
    let processes = says("in test", "test") + &says("in production", "production");
    let probe = Probe::new(case, "example/one").build(&put("$LAYERS/launch.toml", &processes));
    let mut launch = Launch::built(case, &[&probe]);
    case.equal("P-LAUNCH-003", launch.web(&[]), "in production\n");
    launch.stage.set("CNB_EXEC_ENV", "test");
    case.equal("P-LAUNCH-003", launch.web(&[]), "in test\n");
    launch.stage.set("CNB_EXEC_ENV", "stage");
    let outcome = launch.process("web", &[]);
    case.exit("P-LAUNCH-003", &outcome, 82..=82);
    case.contains("P-LAUNCH-003", &outcome.stderr, "CNB_EXEC_ENV");
}

fn the_launchers_own_variables_and_directories_are_taken_out(case: &Case<'_>) {
    let mut launch = Launch::showing_env(case, &["example/one"]);
    launch.stage.set("CNB_DEPRECATION_MODE", "quiet");
    launch.stage.set(
        "PATH",
        "/cnb/process:/cnb/lifecycle:/usr/bin:/cnb/lifecycle:/bin",
    );
    launch.stage.set("CNB_STACK_ID", "of the base image");
    let env = launch.env();
    let value = |name: &str| env.get(name).map(String::as_str);
    case.equal(
        "",
        [
            "CNB_PLATFORM_API",
            "CNB_DEPRECATION_MODE",
            "PATH",
            "CNB_STACK_ID",
        ]
        .map(value),
        [None, None, Some("/usr/bin:/bin"), Some("of the base image")],
    );
}

fn a_process_type_variable_is_warned_about_and_ignored(case: &Case<'_>) {
    let process = Process::new("worker", &["echo", "worker"]);
    let mut launch = Launch::new(case, &[process, Process::prints()]);
    launch.stage.set("CNB_PROCESS_TYPE", "worker");
    let web = launch.process("web", &["a"]);
    case.equal("", said(&web), (0, "<a>"));
    case.contains("", &web.stderr, "CNB_PROCESS_TYPE");
    let command = launch.command(&["--", "echo", "command"]);
    case.equal("", said(&command), (0, "command\n"));
}

fn an_empty_variable_is_as_good_as_none(case: &Case<'_>) {
    let mut launch = Launch::new(case, &[Process::new("web", &["pwd", "-P"])]);
    for name in ["CNB_LAYERS_DIR", "CNB_APP_DIR", "CNB_EXEC_ENV"] {
        launch.stage.set(name, "");
    }
    case.equal("", launch.web(&[]), "/workspace\n");
}

fn signals_are_as_a_fresh_process_has_them(case: &Case<'_>) {
    let status = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"];
    let launch = Launch::new(case, &[Process::new("web", &status)]);
    let spoilt = [
        "--ignore-signal=PIPE",
        "--block-signal=TERM",
        "/cnb/process/web",
    ];
    let outcome = launch.stage.run("/usr/bin/env", &spoilt);
    let mask = |name: &str| {
        let line = outcome
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix(name));
        u64::from_str_radix(line.unwrap_or_default().trim(), 16).ok()
    };
    let pipe = 1 << (13 - 1);
    case.equal(
        "",
        (mask("SigBlk:"), mask("SigIgn:").map(|mask| mask & pipe)),
        (Some(0), Some(0)),
    );
}

fn no_descriptor_of_the_launcher_is_left_to_the_process(case: &Case<'_>) {
    let launch = Launch::new(case, &[]);
    launch.layer(
        "example_one/a/exec.d/program",
        "#!/bin/sh\necho 'A = \"b\"' >&3\n",
    );
    let without = launch.stage.run("/usr/bin/ls", &["/proc/self/fd"]);
    let with = launch.command(&["--", "ls", "/proc/self/fd"]);
    case.equal("", said(&with), said(&without));
}

fn words_for_the_shell_are_expanded_and_stay_words(case: &Case<'_>) {
    let mut launch = Launch::new(case, &[]);
    launch.stage.set("WORD", "a  b");
    let outcome = launch.command(&["printf", "<%s>", "$WORD", "c  d", "$(echo e)"]);
    case.equal("", said(&outcome), (0, "<a  b><c  d><e>"));
}

fn profile_scripts_may_have_any_name(case: &Case<'_>) {
    let launch = Launch::new(case, &[]);
    launch.layer("example_one/a/profile.d/it's $HOME.sh", "export A=b\n");
    case.equal("", said(&launch.command(&["echo $A"])), (0, "b\n"));
}

fn a_link_to_a_program_is_run_and_a_directory_is_not(case: &Case<'_>) {
    let launch = Launch::showing_env(case, &["example/one"]);
    launch.layer(
        "example_one/a/bin/program",
        "#!/bin/sh\necho \"A = '${0##*/}'\" >&3\n",
    );
    launch.layer("example_one/a/exec.d/web/readme/file", "");
    launch
        .stage
        .link("../bin/program", "layers/example_one/a/exec.d/linked");
    case.equal(
        "",
        launch.env().get("A").map(String::as_str),
        Some("linked"),
    );
}

fn a_directory_of_the_path_must_be_absolute(case: &Case<'_>) {
    let found = [
        Process::new("web", &["tool"]),
        Process::new("path", &["bin/tool"]),
    ];
    let mut launch = Launch::new(case, &found);
    launch
        .stage
        .write("workspace/bin/tool", "#!/bin/sh\necho tool\n");
    launch.stage.set("PATH", "bin:/usr/bin:/bin");
    let outcome = launch.process("web", &[]);
    case.exit("", &outcome, 82..=82);
    case.contains("", &outcome.stderr, "bin/tool");
    case.equal("", said(&launch.process("path", &[])), (0, "tool\n"));
}

fn versions_that_are_unknown_have_their_own_statuses(case: &Case<'_>) {
    let buildpack = "[[buildpacks]]\nid = \"example/one\"\napi = \"9.9\"\n";
    let outcome = launch_of(case, buildpack).command(&["--", "true"]);
    case.exit("", &outcome, 12..=12);
    outcome.expect_words(&["example/one", "9.9"]);
    let mut launch = launch_of(case, "");
    for (api, words) in [("0.6", "0.6"), ("0.99", "0.99"), ("", "CNB_PLATFORM_API")] {
        launch.stage.set("CNB_PLATFORM_API", api);
        let outcome = launch.command(&["--", "true"]);
        case.exit("", &outcome, 11..=11);
        case.contains("", &outcome.stderr, words);
    }
}

/// What makes a launch impossible.
type Spoil = fn(&mut Stage);

fn a_failure_names_the_file_and_the_reason(case: &Case<'_>) {
    let failures: [(&str, Spoil); 4] = [
        ("/layers/config/metadata.toml: line 1, column", |stage| {
            stage.write("layers/config/metadata.toml", "no TOML");
        }),
        ("/nowhere/config/metadata.toml: no such file", |stage| {
            stage.set("CNB_LAYERS_DIR", "/nowhere");
        }),
        ("/nowhere: it is not a directory", |stage| {
            stage.set("CNB_APP_DIR", "/nowhere");
        }),
        ("'printf': it is in no directory of PATH", |stage| {
            stage.set("PATH", "/nowhere");
        }),
    ];
    for (words, spoil) in failures {
        let mut launch = Launch::new(case, &[Process::prints()]);
        spoil(&mut launch.stage);
        let outcome = launch.process("web", &[]);
        case.exit("", &outcome, 82..=82);
        case.contains("", &outcome.stderr, words);
    }
}

fn a_failing_program_is_named_with_its_status(case: &Case<'_>) {
    for (program, reason) in [
        ("exit 7", "it ended with status 7"),
        ("kill -9 $$", "it was ended by signal 9"),
        ("echo 'A = 1' >&3", "line 1, column 1"),
    ] {
        let launch = Launch::new(case, &[Process::prints()]);
        let path = "example_one/a/exec.d/program";
        launch.layer(path, &format!("#!/bin/sh\n{program}\n"));
        let outcome = launch.process("web", &[]);
        case.exit("", &outcome, 82..=82);
        let words = format!("/layers/{path}: {reason}");
        case.contains("", &outcome.stderr, &words);
    }
}

/// Whoever starts it does.
fn an_image_does_not_say_what_it_was_built_for(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.stage.set("CNB_EXEC_ENV", "test");
    flow.create(&[]).expect_code(0);
    let variables = flow.pull().config["config"]["Env"].to_string();
    case.contains("", &variables, "CNB_PLATFORM_API=");
    case.lacks("", &variables, "CNB_EXEC_ENV");
}

/// The directory of the later layer is among what the file of the earlier one replaces.
fn files_of_layers_have_their_say_after_all_directories(case: &Case<'_>) {
    let launch = Launch::showing_env(case, &["example/one"]);
    launch.layer("example_one/a/env/LD_LIBRARY_PATH.override", "/only");
    launch.layer("example_one/b/lib/file", "");
    let env = launch.env();
    case.equal("", env["LD_LIBRARY_PATH"].as_str(), "/only");
}

fn the_launcher_is_smaller_than_a_mebibyte(case: &Case<'_>) {
    let path = case.subject.dir.join("launcher");
    let size = path.metadata().map_or(u64::MAX, |metadata| metadata.len());
    case.check("", size < 1 << 20, "fewer than 1048576 bytes", size);
}
